/*
 * special.h
 *		The functions of mathematics that the models of the segment domain need
 *		beyond those of the C library.
 */
#ifndef OMNICRM_SPECIAL_H
#define OMNICRM_SPECIAL_H

extern double special_digamma(double x);
extern double special_trigamma(double x);

#endif							/* OMNICRM_SPECIAL_H */
