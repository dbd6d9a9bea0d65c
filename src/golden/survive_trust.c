/*
 * survive_trust.c
 *		Trust in a value: by source, attribute, age and validity.
 *
 * Member "trust" of the plan, an array of objects:
 *
 *	source			id
 *	attribute		attribute or group; all when it is missing
 *	maximum			trust in a value of today; the trust of the source when missing
 *	minimum			trust in a value as old as decay or older; 0
 *	decay			days from maximum to minimum; never when missing
 *	curve			linear, fast first, slow first
 *	downgrade		percent taken from a value that failed validation; 0
 *	keep_minimum	true: but never below minimum
 *
 * With x the age as a share of decay, at most 1, and d = maximum - minimum:
 * linear maximum - d x, fast first minimum + d (1 - x)^2, slow first maximum -
 * d x^2.  Then trust - trust * downgrade / 100.  The parameters are those of
 * Informatica MDM Hub, which does not publish its curves; it decays by the date
 * of the last update, here by the business date.  A value without a date is as
 * old as can be.  A unit of several attributes is trusted as far as the least
 * trusted of its values.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "common/compat.h"
#include "golden/survive.h"
#include "golden/survive_json.h"

static const char *const curve_names[] = {"linear", "fast first", "slow first"};

static int
compare_sources(const void *x, const void *y)
{
	int64		a = ((const SurviveSource *) x)->source_id;
	int64		b = ((const SurviveSource *) y)->source_id;

	return (a > b) - (a < b);
}

/* The source of this id, or NULL. */
const SurviveSource *
survive_find_source(const SurvivePlan *plan, int64 source_id)
{
	SurviveSource key;

	if (plan->source_count == 0)
		return NULL;
	key.source_id = source_id;
	return bsearch(&key, plan->sources, plan->source_count, sizeof(SurviveSource), compare_sources);
}

/* One item of "trust". */
static SurviveTrust *
read_trust(const JsonbValue *value, int number)
{
	static const char *const known[] = {"source", "attribute", "maximum", "minimum", "decay", "curve", "downgrade", "keep_minimum", NULL};
	SurviveTrust *trust = palloc0_object(SurviveTrust);
	char	   *where = psprintf("trust %d", number);
	JsonbContainer *object = survive_json_object(value, where);
	char	   *curve;
	double		days;

	survive_json_members(object, known, where);
	trust->source_id = survive_json_id(survive_json_member(object, "source"), where);
	trust->attribute = survive_json_text(object, "attribute", where);
	trust->has_maximum = survive_json_number(object, "maximum", 0, 1e9, &trust->maximum, where);
	survive_json_number(object, "minimum", 0, 1e9, &trust->minimum, where);
	if (trust->has_maximum && trust->minimum > trust->maximum)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: minimum %g is above maximum %g", where, trust->minimum, trust->maximum)));
	if (survive_json_number(object, "decay", 0, 1e6, &days, where))
	{
		if (days <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: \"decay\" must be above 0 days", where),
					 errhint("Leave it out for trust that does not decay.")));
		trust->decay = days * USECS_PER_DAY;
	}
	survive_json_number(object, "downgrade", 0, 100, &trust->downgrade, where);
	trust->keep_minimum = survive_json_boolean(object, "keep_minimum", where);
	if ((curve = survive_json_text(object, "curve", where)) != NULL)
	{
		int			i = 0;

		while (i < lengthof(curve_names) && strcmp(curve, curve_names[i]) != 0)
			i++;
		if (i == lengthof(curve_names))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: unknown curve: \"%s\"", where, curve),
					 errhint("Curves are linear, fast first and slow first.")));
		trust->curve = (SurviveCurve) i;
	}
	return trust;
}

/* Adds a source to the plan, once. */
static SurviveSource *
add_source(SurvivePlan *plan, int64 source_id)
{
	SurviveSource *source;

	for (int i = 0; i < plan->source_count; i++)
		if (plan->sources[i].source_id == source_id)
			return &plan->sources[i];
	source = &plan->sources[plan->source_count++];
	memset(source, 0, sizeof(SurviveSource));
	source->source_id = source_id;
	return source;
}

/* Member "sources" of the plan: trust by id. */
static void
read_sources(SurvivePlan *plan, JsonbContainer *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbValue	value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		SurviveSource *source;
		char	   *key;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		if (value.val.string.len == 0 || value.val.string.len > 18 || strspn(key, "0123456789") != value.val.string.len)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("sources: no id of a source: \"%s\"", key)));
		source = add_source(plan, pg_strtoint64(key));
		source->has_trust = survive_json_number(object, key, 0, 1e9, &source->trust, "sources");
	}
}

/* Whether trust in an attribute is set by name or by group. */
static bool
is_meant(const SurviveTrust *trust, const char *name)
{
	return name != NULL && trust->attribute != NULL && strcmp(trust->attribute, name) == 0;
}

/* Gives each attribute of a source its trust: by name, by group, by source. */
static void
spread_trust(SurvivePlan *plan, SurviveSource *source, SurviveTrust **trusts, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (trusts[i]->source_id != source->source_id)
			continue;
		if (source->trusts == NULL)
			source->trusts = palloc0_array(SurviveTrust *, plan->attributes);
		if (trusts[i]->attribute == NULL)
			source->other_trust = trusts[i];
	}
	if (source->trusts == NULL)
		return;
	for (int a = 0; a < plan->attributes; a++)
	{
		SurviveTrust *named = NULL;
		SurviveTrust *grouped = NULL;

		for (int i = 0; i < count; i++)
		{
			if (trusts[i]->source_id != source->source_id)
				continue;
			if (is_meant(trusts[i], plan->attribute[a].name))
				named = trusts[i];
			else if (is_meant(trusts[i], plan->attribute[a].group))
				grouped = trusts[i];
		}
		source->trusts[a] = named ? named : grouped ? grouped : source->other_trust;
	}
}

/* Each item of "trust" is about something, and about that alone. */
static void
check_trusts(const SurvivePlan *plan, SurviveTrust **trusts, int count)
{
	for (int i = 0; i < count; i++)
	{
		bool		known = trusts[i]->attribute == NULL;

		for (int a = 0; a < plan->attributes; a++)
			known |= is_meant(trusts[i], plan->attribute[a].name) || is_meant(trusts[i], plan->attribute[a].group);
		if (!known)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("trust %d is about an attribute that is not there: \"%s\"", i + 1, trusts[i]->attribute)));
		for (int j = 0; j < i; j++)
			if (trusts[i]->source_id == trusts[j]->source_id &&
				(trusts[i]->attribute == NULL ? trusts[j]->attribute == NULL : is_meant(trusts[j], trusts[i]->attribute)))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("trust %d and %d are about the same source and attribute", j + 1, i + 1)));
	}
}

/* Reads members "trust" and "sources" of the plan; object is NULL without them. */
void
survive_read_trust(SurvivePlan *plan, JsonbContainer *object)
{
	JsonbContainer *list = object == NULL ? NULL : survive_json_array(object, "trust", "the survivorship plan");
	JsonbValue *sources = survive_json_member(object, "sources");
	int			count = list == NULL ? 0 : JsonContainerSize(list);
	SurviveTrust **trusts = palloc_array(SurviveTrust *, Max(count, 1));
	int			space = count;

	if (sources != NULL)
		space += JsonContainerSize(survive_json_object(sources, "sources"));
	plan->sources = palloc_array(SurviveSource, Max(space, 1));
	for (int i = 0; i < count; i++)
	{
		trusts[i] = read_trust(getIthJsonbValueFromContainer(list, i), i + 1);
		add_source(plan, trusts[i]->source_id);
		plan->dated |= trusts[i]->decay > 0;
	}
	check_trusts(plan, trusts, count);
	if (sources != NULL)
		read_sources(plan, survive_json_object(sources, "sources"));
	for (int i = 0; i < plan->source_count; i++)
		spread_trust(plan, &plan->sources[i], trusts, count);
	qsort(plan->sources, plan->source_count, sizeof(SurviveSource), compare_sources);
}

/* Trust in a source as such; the canonical order goes by it. */
double
survive_base_trust(const SurviveSource *source, const SurviveRecord *record)
{
	return source != NULL && source->has_trust ? source->trust : record->trust;
}

/* Trust in one value of a record. */
double
survive_trust(const SurviveField *field, int record, int attribute)
{
	const SurviveSource *source = field->sources[record];
	const SurviveRecord *told = field->records[record];
	double		trust = survive_base_trust(source, told);
	const SurviveTrust *set;

	if (source == NULL || source->trusts == NULL)
		return trust;
	set = attribute < field->plan->attributes ? source->trusts[attribute] : source->other_trust;
	if (set == NULL)
		return trust;
	if (set->has_maximum)
		trust = set->maximum;
	if (set->decay > 0)
	{
		double		range = Max(trust - set->minimum, 0);
		double		share = 1;

		if (told->business_at != DT_NOBEGIN)
			share = Max((double) field->state->as_of - (double) told->business_at, 0) / set->decay;
		share = Min(share, 1);
		if (set->curve == CURVE_FAST_FIRST)
			trust += range * ((1 - share) * (1 - share) - 1);
		else if (set->curve == CURVE_SLOW_FIRST)
			trust -= range * share * share;
		else
			trust -= range * share;
	}
	if (field_quality(field, record, attribute) < QUALITY_PLAUSIBLE)
	{
		trust -= trust * set->downgrade / 100;
		if (set->keep_minimum)
			trust = Max(trust, set->minimum);
	}
	return trust;
}
