/*
 * special.c
 *		Digamma, trigamma, and integration by Gauss-Legendre.
 *
 * Digamma and trigamma: the recurrence lifts the argument above ten, where the
 * asymptotic series (Abramowitz and Stegun 6.3.18 and 6.4.12) is exact to the
 * last digits.
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

/* Points and weights of the rule of 16 points, for a panel. */
const double special_gauss[SPECIAL_GAUSS_POINTS][2] = {
	{0.095012509837637440185, 0.18945061045506849629},
	{0.28160355077925891323, 0.18260341504492358887},
	{0.45801677765722738634, 0.16915651939500253819},
	{0.61787624440264374845, 0.14959598881657673208},
	{0.7554044083550030339, 0.12462897125553387205},
	{0.86563120238783174388, 0.09515851168249278481},
	{0.94457502307323257608, 0.062253523938647892863},
	{0.9894009349916499326, 0.027152459411754094852},
};

/* (1 - exp(-exponent * logarithm)) / exponent, which is the logarithm where the exponent is zero. */
double
special_power_gap(double exponent, double logarithm)
{
	double		product = exponent * logarithm;

	if (fabs(product) < 1e-5)
		return logarithm * (1 - product / 2 * (1 - product / 3));
	return -expm1(-product) / exponent;
}

/* The integral over so many panels of equal width, each by 16 points. */
double
special_integrate(SpecialFunction function, const void *arg, double from, double to, int panels)
{
	double		half = (to - from) / (2 * panels);
	double		sum = 0;

	for (int panel = 0; panel < panels; panel++)
	{
		double		centre = from + (2 * panel + 1) * half;

		for (int i = 0; i < SPECIAL_GAUSS_POINTS; i++)
			sum += special_gauss[i][1] * (function(centre - half * special_gauss[i][0], arg) +
										  function(centre + half * special_gauss[i][0], arg));
	}
	return sum * half;
}
