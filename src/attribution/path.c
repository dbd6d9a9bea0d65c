/*
 * path.c
 *		Which touches of a conversion's window are eligible: exclusions and path
 *		transforms.
 *
 * Names and meaning of the transforms are those of google/fractribution:
 * exposure, first, frequency, trim_long, remove_if_not_all and
 * remove_if_last_and_not_all.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "attribution/models.h"

/* Of each run of touches of one actor the first is left. */
static int
keep_first_of_run(ModelTouch *touches, int n)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
		if (kept == 0 || touches[kept - 1].actor != touches[i].actor)
			touches[kept++] = touches[i];
	return kept;
}

/* Of all touches of one actor the first is left; it may count the others. */
static int
keep_first_of_actor(ModelWorkspace *work, ModelTouch *touches, int n, bool counted)
{
	int			kept = 0;

	omnicrm_model_new_round(work);
	for (int i = 0; i < n; i++)
	{
		SeenActor  *seen = &work->seen[touches[i].actor];

		if (seen->round != work->round)
		{
			seen->round = work->round;
			seen->place = kept;
			touches[kept++] = touches[i];
		}
		else if (counted)
			touches[seen->place].repeats += touches[i].repeats;
	}
	return kept;
}

static int
keep_last(ModelTouch *touches, int n, int most)
{
	if (n <= most)
		return n;
	memmove(touches, touches + n - most, most * sizeof(ModelTouch));
	return most;
}

/* All touches but those of the actors; unless_all: when there are others. */
static int
remove_actors(const NameList *actors, ModelTouch *touches, int n, bool unless_all)
{
	int			others = 0;

	for (int i = 0; i < n; i++)
	{
		if ((i & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
		others += !omnicrm_in_names(actors, touches[i].actor);
	}
	if (others == n || (others == 0 && unless_all))
		return n;
	others = 0;
	for (int i = 0; i < n; i++)
		if (!omnicrm_in_names(actors, touches[i].actor))
			touches[others++] = touches[i];
	return others;
}

/* Without the touches of the actors at the end, when there are others. */
static int
remove_last(const NameList *actors, int n, const ModelTouch *touches)
{
	int			kept = n;

	while (kept > 0 && omnicrm_in_names(actors, touches[kept - 1].actor))
		kept--;
	return kept > 0 ? kept : n;
}

/*
 * omnicrm_path_transform takes the steps of the options, which are bound to the
 * numbers of the touches, on the n touches of a conversion's window in the order
 * of the journey.  What is eligible stands at the start of the array; returns how
 * many these are.
 */
int
omnicrm_path_transform(const AttributionOptions *options, ModelWorkspace *work, ModelTouch *touches, int n)
{
	for (int s = 0; s < options->nsteps && n > 0; s++)
	{
		const PathStep *step = &options->steps[s];

		switch (step->kind)
		{
			case STEP_REMOVE:
				n = remove_actors(&step->actors, touches, n, false);
				break;
			case STEP_REMOVE_IF_NOT_ALL:
				n = remove_actors(&step->actors, touches, n, true);
				break;
			case STEP_REMOVE_IF_LAST_AND_NOT_ALL:
				n = remove_last(&step->actors, n, touches);
				break;
			case STEP_EXPOSURE:
				n = keep_first_of_run(touches, n);
				break;
			case STEP_FIRST:
				n = keep_first_of_actor(work, touches, n, false);
				break;
			case STEP_FREQUENCY:
				n = keep_first_of_actor(work, touches, n, true);
				break;
			case STEP_TRIM_LONG:
				n = keep_last(touches, n, step->most);
				break;
		}
	}
	return n;
}
