/*
 * special.h
 *		The functions of mathematics that the models of the segment domain need
 *		beyond those of the C library.
 */
#ifndef OMNICRM_SPECIAL_H
#define OMNICRM_SPECIAL_H

/* A function to integrate. */
typedef double (*SpecialFunction) (double at, const void *arg);

/* Points and weights of the Gauss-Legendre rule on -1 to 1, of the positive half. */
#define SPECIAL_GAUSS_POINTS 8
extern const double special_gauss[SPECIAL_GAUSS_POINTS][2];

extern double special_digamma(double x);
extern double special_trigamma(double x);
extern double special_power_gap(double exponent, double logarithm);
extern double special_integrate(SpecialFunction function, const void *arg, double from, double to, int panels);

#endif							/* OMNICRM_SPECIAL_H */
