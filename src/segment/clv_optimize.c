/*
 * clv_optimize.c
 *		Finds the minimum of a smooth function of a few unknowns in a box.
 *
 * BFGS with backtracking comes near, Newton's method with a Hessian from
 * differences of the gradient ends: it looks at the gradient and not at the
 * value, whose last digits say nothing any more near the minimum.  The inverse
 * of the same Hessian gives the variances of the estimates, its smallest
 * eigenvalue tells whether there is a minimum at all.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "segment/clv.h"

#define N CLV_MAX_UNKNOWNS
#define MAX_ITERATIONS 300
#define MAX_NEWTON 8
#define NEAR 1e-6				/* gradient at which Newton's method takes over */
#define STATIONARY 1e-8			/* gradient that counts as none */
#define MAX_STEP 2.0			/* longest step in one unknown */
#define DIFFERENCE 1e-4			/* step for differences of the gradient */
#define ARMIJO 1e-4
#define MAX_SWEEPS 60
#define MAX_HALVINGS 40
#define VALUE_EPSILON 1e-15		/* a change that the last digits of the value hide */

static double
evaluate(ClvObjective *objective, const double *at, double *gradient)
{
	CHECK_FOR_INTERRUPTS();
	objective->evaluations++;
	return objective->function(objective->arg, at, gradient);
}

/* The largest derivative; one that points out of the box at its edge counts as none. */
static double
largest_derivative(const ClvObjective *objective, const double *at, const double *gradient)
{
	double		largest = 0;

	for (int i = 0; i < objective->n; i++)
	{
		if ((at[i] <= objective->lower[i] && gradient[i] > 0) ||
			(at[i] >= objective->upper[i] && gradient[i] < 0))
			continue;
		largest = Max(largest, fabs(gradient[i]));
	}
	return largest;
}

static void
set_identity(double matrix[N][N], int n, double scale)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			matrix[i][j] = i == j ? scale : 0;
}

/* Updates the inverse of the Hessian by the last step and the change of the gradient. */
static void
update_inverse(double inverse[N][N], int n, const double *step, const double *change)
{
	double		product[N];
	double		along = 0;
	double		across = 0;

	for (int i = 0; i < n; i++)
		along += step[i] * change[i];
	if (along <= 1e-14)
		return;
	for (int i = 0; i < n; i++)
	{
		product[i] = 0;
		for (int j = 0; j < n; j++)
			product[i] += inverse[i][j] * change[j];
		across += change[i] * product[i];
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			inverse[i][j] += (1 + across / along) * step[i] * step[j] / along -
				(product[i] * step[j] + step[i] * product[j]) / along;
}

/* The point a part of the way along a direction, kept in the box. */
static void
step_to(const ClvObjective *objective, const double *from, const double *direction, double part, double *to)
{
	for (int i = 0; i < objective->n; i++)
		to[i] = Min(Max(from[i] + part * direction[i], objective->lower[i]), objective->upper[i]);
}

/* A direction downhill by the inverse Hessian, no step longer than MAX_STEP; returns its slope. */
static double
find_direction(const ClvObjective *objective, double inverse[N][N], const double *at, const double *gradient,
			   double *direction)
{
	double		longest = 0;
	double		slope = 0;

	for (int i = 0; i < objective->n; i++)
	{
		direction[i] = 0;
		for (int j = 0; j < objective->n; j++)
			direction[i] -= inverse[i][j] * gradient[j];
		if ((at[i] <= objective->lower[i] && direction[i] < 0) || (at[i] >= objective->upper[i] && direction[i] > 0))
			direction[i] = 0;
		longest = Max(longest, fabs(direction[i]));
	}
	for (int i = 0; i < objective->n; i++)
	{
		if (longest > MAX_STEP)
			direction[i] *= MAX_STEP / longest;
		slope += direction[i] * gradient[i];
	}
	return slope;
}

/*
 * A point along a direction where the function is smaller, and its value and
 * gradient there; the value is infinite when there is none.
 */
static double
search_line(ClvObjective *objective, const ClvOptimum *optimum, const double *direction, double slope,
			double *next, double *gradient)
{
	double		part = 1;

	for (int i = 0; i < MAX_HALVINGS && -part * slope > VALUE_EPSILON * fabs(optimum->value); i++)
	{
		double		value;

		step_to(objective, optimum->at, direction, part, next);
		value = evaluate(objective, next, gradient);
		if (isfinite(value) && value < optimum->value && value <= optimum->value + ARMIJO * part * slope)
			return value;
		part /= isfinite(value) ? 2 : 8;
	}
	return INFINITY;
}

/*
 * Walks from at to near the minimum; the gradient there is left in gradient.
 * Stops when no step makes the function smaller.
 */
static void
walk_bfgs(ClvObjective *objective, ClvOptimum *optimum, double *gradient)
{
	double		inverse[N][N];
	double		direction[N];
	double		next[N];
	double		next_gradient[N];
	double		step[N];
	double		change[N];
	int			n = objective->n;
	bool		fresh = true;

	set_identity(inverse, n, 1);
	while (optimum->iterations < MAX_ITERATIONS &&
		   largest_derivative(objective, optimum->at, gradient) > NEAR)
	{
		double		slope = find_direction(objective, inverse, optimum->at, gradient, direction);
		double		value = INFINITY;

		if (slope < 0)
			value = search_line(objective, optimum, direction, slope, next, next_gradient);
		if (!(value < optimum->value))
		{
			/* no way down: once more along the gradient, else this is as far as it goes */
			if (fresh)
				break;
			set_identity(inverse, n, 1);
			fresh = true;
			continue;
		}
		for (int i = 0; i < n; i++)
		{
			step[i] = next[i] - optimum->at[i];
			change[i] = next_gradient[i] - gradient[i];
			optimum->at[i] = next[i];
			gradient[i] = next_gradient[i];
		}
		optimum->value = value;
		if (fresh)
		{
			double		along = 0;
			double		square = 0;

			for (int i = 0; i < n; i++)
			{
				along += step[i] * change[i];
				square += change[i] * change[i];
			}
			if (along > 0 && square > 0)
				set_identity(inverse, n, along / square);
			fresh = false;
		}
		update_inverse(inverse, n, step, change);
		optimum->iterations++;
	}
}

/* The Hessian by central differences of the gradient, made symmetric. */
static void
find_hessian(ClvObjective *objective, const double *at, double hessian[N][N])
{
	int			n = objective->n;
	double		there[N];
	double		above[N];
	double		below[N];

	for (int i = 0; i < n; i++)
	{
		memcpy(there, at, n * sizeof(double));
		there[i] = at[i] + DIFFERENCE;
		(void) evaluate(objective, there, above);
		there[i] = at[i] - DIFFERENCE;
		(void) evaluate(objective, there, below);
		for (int j = 0; j < n; j++)
			hessian[i][j] = (above[j] - below[j]) / (2 * DIFFERENCE);
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			hessian[i][j] = hessian[j][i] = (hessian[i][j] + hessian[j][i]) / 2;
}

/* One rotation of Jacobi's method, which makes matrix[p][q] zero. */
static void
rotate(double matrix[N][N], double vectors[N][N], int n, int p, int q)
{
	double		theta = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q]);
	double		tangent = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
	double		cosine = 1 / sqrt(tangent * tangent + 1);
	double		sine = tangent * cosine;

	for (int k = 0; k < n; k++)
	{
		double		kp = matrix[k][p];
		double		kq = matrix[k][q];

		matrix[k][p] = cosine * kp - sine * kq;
		matrix[k][q] = sine * kp + cosine * kq;
	}
	for (int k = 0; k < n; k++)
	{
		double		pk = matrix[p][k];
		double		qk = matrix[q][k];

		matrix[p][k] = cosine * pk - sine * qk;
		matrix[q][k] = sine * pk + cosine * qk;
		pk = vectors[k][p];
		qk = vectors[k][q];
		vectors[k][p] = cosine * pk - sine * qk;
		vectors[k][q] = sine * pk + cosine * qk;
	}
}

/* Eigenvalues, on the diagonal of the matrix, and eigenvectors, the columns of vectors (Jacobi). */
static void
find_eigenvectors(double matrix[N][N], double vectors[N][N], int n)
{
	set_identity(vectors, n, 1);
	for (int sweep = 0; sweep < MAX_SWEEPS; sweep++)
	{
		double		off = 0;
		double		on = 0;

		for (int i = 0; i < n; i++)
			for (int j = 0; j < n; j++)
				*(i == j ? &on : &off) += matrix[i][j] * matrix[i][j];
		if (off <= 1e-30 * on)
			break;
		for (int p = 0; p < n; p++)
			for (int q = p + 1; q < n; q++)
				if (matrix[p][q] != 0)
					rotate(matrix, vectors, n, p, q);
	}
}

/*
 * Newton's method from near the minimum.  Each step must bring the gradient
 * down.  Leaves the eigenvalues (on the diagonal) and eigenvectors of the last
 * Hessian, which is taken anew while the gradient is large.
 */
static void
walk_newton(ClvObjective *objective, ClvOptimum *optimum, double *gradient,
			double values[N][N], double vectors[N][N])
{
	int			n = objective->n;

	for (int turn = 0; turn < MAX_NEWTON; turn++)
	{
		double		next[N];
		double		next_gradient[N];
		double		step[N] = {0};
		double		longest = 0;
		double		value;
		double		before = largest_derivative(objective, optimum->at, gradient);

		if (turn == 0 || before > NEAR)
		{
			find_hessian(objective, optimum->at, values);
			find_eigenvectors(values, vectors, n);
		}
		for (int i = 0; i < n; i++)
		{
			double		along = 0;

			if (values[i][i] <= 0)
				return;
			for (int j = 0; j < n; j++)
				along += vectors[j][i] * gradient[j];
			for (int j = 0; j < n; j++)
				step[j] -= vectors[j][i] * along / values[i][i];
		}
		for (int i = 0; i < n; i++)
			longest = Max(longest, fabs(step[i]));
		if (before < STATIONARY && longest < 1e-7)
			return;
		step_to(objective, optimum->at, step, Min(1, MAX_STEP / Max(longest, 1e-300)), next);
		value = evaluate(objective, next, next_gradient);
		if (!isfinite(value) || largest_derivative(objective, next, next_gradient) >= before)
			return;
		memcpy(optimum->at, next, n * sizeof(double));
		memcpy(gradient, next_gradient, n * sizeof(double));
		optimum->value = value;
		optimum->iterations++;
	}
}

/*
 * Minimizes from a start in the box.  The optimum is stationary when the
 * gradient is as good as zero; variances are those of a function that is the
 * mean over one observation.
 */
void
clv_minimize(ClvObjective *objective, const double *start, ClvOptimum *optimum)
{
	int			n = objective->n;
	double		gradient[N];
	double		values[N][N];
	double		vectors[N][N];

	memset(optimum, 0, sizeof(ClvOptimum));
	step_to(objective, start, start, 0, optimum->at);
	optimum->value = evaluate(objective, optimum->at, gradient);
	walk_bfgs(objective, optimum, gradient);
	walk_newton(objective, optimum, gradient, values, vectors);
	optimum->gradient = largest_derivative(objective, optimum->at, gradient);
	optimum->stationary = optimum->gradient <= NEAR;
	optimum->curvature = INFINITY;
	for (int k = 0; k < n; k++)
		optimum->curvature = Min(optimum->curvature, values[k][k]);
	for (int i = 0; i < n; i++)
	{
		for (int k = 0; k < n; k++)
			optimum->variance[i] += vectors[i][k] * vectors[i][k] / values[k][k];
		if (!(optimum->curvature > 0))
			optimum->variance[i] = NAN;
	}
}
