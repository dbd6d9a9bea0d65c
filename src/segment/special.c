/*
 * special.c
 *		Digamma and trigamma for positive arguments.
 *
 * The recurrence lifts the argument above ten, where the asymptotic series
 * (Abramowitz and Stegun 6.3.18 and 6.4.12) is exact to the last digits.
 */
#include "postgres.h"

#include <math.h>

#include "segment/special.h"

#define ASYMPTOTIC 10.0

/* d/dx ln Gamma(x), x > 0. */
double
special_digamma(double x)
{
	double		result = 0;
	double		square;

	for (; x < ASYMPTOTIC; x += 1)
		result -= 1 / x;
	square = 1 / (x * x);
	return result + log(x) - 0.5 / x -
		square * (1.0 / 12 - square * (1.0 / 120 - square * (1.0 / 252 - square * (1.0 / 240 -
		square * (1.0 / 132 - square * (691.0 / 32760 - square / 12))))));
}

/* Its derivative, x > 0. */
double
special_trigamma(double x)
{
	double		result = 0;
	double		square;

	for (; x < ASYMPTOTIC; x += 1)
		result += 1 / (x * x);
	square = 1 / (x * x);
	return result + 1 / x + square / 2 +
		square / x * (1.0 / 6 - square * (1.0 / 30 - square * (1.0 / 42 - square * (1.0 / 30 -
		square * (5.0 / 66 - square * (691.0 / 2730 - square * 7 / 6))))));
}
