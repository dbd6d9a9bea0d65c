/*
 * options.c
 *		What a caller of the attribution models may choose, from jsonb:
 *
 *		{"lookback": "90 days", "half_life": "7 days",
 *		 "exclude": ["internal"], "only_if_alone": ["direct"], "non": "direct",
 *		 "collapse": true, "transform": ["first", {"trim_long": 5}], "max_touches": 20,
 *		 "weights": [0.5, 0.2, 0.3], "milestones": ["lead", "opportunity"],
 *		 "roles": {"brought": 0.4, "closed": 0.6}}
 *
 * A member that is missing, or null, has its default.  Exclusions and transforms
 * become one list of steps, taken in this order: exclude, only_if_alone,
 * collapse, transform as listed, max_touches.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "attribution/options.h"
#include "common/compat.h"
#include "common/units.h"
#include "golden/survive_json.h"

#define WHERE "options"
#define MAX_STEPS 20
#define MAX_NAMES 1000
#define MAX_TRIM 1000000000

/* weights times any number of touches stay far below 2^63 */
#define MAX_WEIGHT 1000000000

#define DEFAULT_HALF_LIFE (7 * USECS_PER_DAY)

static const char *const option_members[] = {
	"lookback", "half_life", "exclude", "only_if_alone", "non", "collapse", "transform", "max_touches",
	"weights", "milestones", "roles", NULL
};

typedef struct TransformName
{
	const char *name;
	PathStepKind kind;
} TransformName;

static const TransformName plain_transforms[] = {
	{"exposure", STEP_EXPOSURE}, {"first", STEP_FIRST}, {"frequency", STEP_FREQUENCY}
};

/*
 * omnicrm_interval_microseconds counts an interval as EXTRACT(epoch ...) does: a
 * year has 365.25 days, a further month 30, a day 24 hours, in every time zone.
 * "what" names the interval in messages.  Errors: invalid_parameter_value when it
 * is negative or not finite.
 */
uint64
omnicrm_interval_microseconds(const Interval *interval, const char *what)
{
	int64		days = (int64) (interval->month % MONTHS_PER_YEAR) * DAYS_PER_MONTH + interval->day;
	int64		result;
	int64		part;

	if (pg_mul_s64_overflow(interval->month / MONTHS_PER_YEAR,
							(int64) SECS_PER_YEAR * USECS_PER_SEC, &result) ||
		pg_mul_s64_overflow(days, USECS_PER_DAY, &part) ||
		pg_add_s64_overflow(result, part, &result) ||
		pg_add_s64_overflow(result, interval->time, &result) ||
		result < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be zero or more, and finite: %s", what,
						DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)))),
				 errhint("For example interval '90 days'.")));
	return (uint64) result;
}

/* A member that is an interval, in microseconds; "otherwise" when it is missing. */
static uint64
read_interval(JsonbContainer *object, const char *key, uint64 otherwise)
{
	char	   *text = survive_json_text(object, key, WHERE);

	if (text == NULL)
		return otherwise;
	return omnicrm_interval_microseconds(DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(text),
																			   ObjectIdGetDatum(InvalidOid),
																			   Int32GetDatum(-1))), key);
}

static NameList
make_names(int count, const char *key)
{
	NameList	list;

	if (count > MAX_NAMES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(WHERE ": \"%s\" has %d elements, at most %d are allowed", key, count, MAX_NAMES)));
	list.count = count;
	list.names = palloc_array(char *, Max(count, 1));
	list.numbers = palloc_array(int32, Max(count, 1));
	return list;
}

static NameList
one_name(char *name)
{
	NameList	list = make_names(1, "");

	list.names[0] = name;
	return list;
}

/* A list of names: an array of texts, or one text. */
static NameList
names_of_value(const JsonbValue *value, const char *key)
{
	NameList	list;

	if (value->type == jbvString && value->val.string.len > 0)
		return one_name(pnstrdup(value->val.string.val, value->val.string.len));
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(WHERE ": \"%s\" must be a text or an array of texts", key)));
	list = make_names(JsonContainerSize(value->val.binary.data), key);
	for (int i = 0; i < list.count; i++)
		list.names[i] = survive_json_element(value->val.binary.data, i, psprintf(WHERE ": \"%s\"", key));
	return list;
}

static PathStep *
add_step(AttributionOptions *options, PathStepKind kind)
{
	PathStep   *step;

	if (options->nsteps == MAX_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(WHERE ": at most %d transforms are allowed", MAX_STEPS)));
	step = &options->steps[options->nsteps++];
	memset(step, 0, sizeof(PathStep));
	step->kind = kind;
	return step;
}

/* A step that leaves out actors, when the member names any. */
static void
add_removal(AttributionOptions *options, JsonbContainer *object, const char *key, PathStepKind kind)
{
	JsonbValue *value = survive_json_member(object, key);

	if (value != NULL)
		add_step(options, kind)->actors = names_of_value(value, key);
}

/* A step that leaves the last so many touches, when the member says how many. */
static void
add_trim(AttributionOptions *options, JsonbContainer *object, const char *key)
{
	double		most;

	if (!survive_json_number(object, key, 1, MAX_TRIM, &most, WHERE))
		return;
	if (most != (int32) most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(WHERE ": \"%s\" must be a whole number, not %g", key, most)));
	add_step(options, STEP_TRIM_LONG)->most = (int32) most;
}

static void
unknown_transform(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg(WHERE ": unknown transform \"%s\"", name),
			 errhint("Known: \"unique\", \"exposure\", \"first\", \"frequency\", {\"trim_long\": 5}, {\"remove_if_not_all\": \"direct\"}, {\"remove_if_last_and_not_all\": \"direct\"}.")));
}

/* A transform without argument; "unique" leaves the path as it is. */
static void
add_plain_transform(AttributionOptions *options, const char *name)
{
	if (strcmp(name, "unique") == 0)
		return;
	for (int i = 0; i < lengthof(plain_transforms); i++)
		if (strcmp(name, plain_transforms[i].name) == 0)
		{
			(void) add_step(options, plain_transforms[i].kind);
			return;
		}
	unknown_transform(name);
}

/* A transform: its name, or an object of its name and argument. */
static void
add_transform(AttributionOptions *options, const JsonbValue *value)
{
	static const char *const members[] = {"trim_long", "remove_if_not_all", "remove_if_last_and_not_all", NULL};
	JsonbContainer *object;

	if (value->type == jbvString)
	{
		add_plain_transform(options, pnstrdup(value->val.string.val, value->val.string.len));
		return;
	}
	object = survive_json_object(value, WHERE ": \"transform\"");
	survive_json_members(object, members, WHERE ": \"transform\"");
	if (JsonContainerSize(object) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(WHERE ": an object in \"transform\" must have one member, it has %d", (int) JsonContainerSize(object)),
				 errhint("Transforms are taken one after the other: list them in an array.")));
	add_trim(options, object, "trim_long");
	add_removal(options, object, "remove_if_not_all", STEP_REMOVE_IF_NOT_ALL);
	add_removal(options, object, "remove_if_last_and_not_all", STEP_REMOVE_IF_LAST_AND_NOT_ALL);
}

static void
read_transforms(AttributionOptions *options, JsonbContainer *object)
{
	JsonbValue *value = survive_json_member(object, "transform");

	if (value == NULL)
		return;
	if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data))
		for (int i = 0; i < JsonContainerSize(value->val.binary.data); i++)
			add_transform(options, getIthJsonbValueFromContainer(value->val.binary.data, i));
	else
		add_transform(options, value);
}

/* Decimal weights as whole numbers of one scale; "key" is the member they stand in. */
static void
scale_weights(const Numeric *numbers, int count, const char *key, uint64 *weights)
{
	ExactDecimal *decimals = palloc_array(ExactDecimal, Max(count, 1));
	uint64		sum = 0;
	int			scale = 0;

	for (int i = 0; i < count; i++)
	{
		omnicrm_decimal(numbers[i], "weight", &decimals[i]);
		scale = Max(scale, decimals[i].scale);
	}
	for (int i = 0; i < count; i++)
	{
		uint128		weight = 0;

		if ((decimals[i].negative && decimals[i].magnitude != 0) ||
			!omnicrm_scale_up(decimals[i].magnitude, scale - decimals[i].scale, &weight) || weight > MAX_WEIGHT)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg(WHERE ": weights in \"%s\" must be zero or more and have at most 9 digits", key)));
		weights[i] = (uint64) weight;
		sum += weights[i];
	}
	if (sum == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(WHERE ": the weights in \"%s\" sum to zero", key)));
}

static Numeric
weight_of_value(const JsonbValue *value, const char *key)
{
	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(WHERE ": weights in \"%s\" must be numbers", key)));
	return value->val.numeric;
}

/* [first, between, last]; the default is that of u_shaped. */
static void
read_custom(AttributionOptions *options, JsonbContainer *object)
{
	JsonbContainer *array = survive_json_array(object, "weights", WHERE);
	Numeric		numbers[3];

	options->custom[0] = options->custom[2] = 2;
	options->custom[1] = 1;
	if (array == NULL)
		return;
	if (JsonContainerSize(array) != 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(WHERE ": \"weights\" must have three elements, it has %d", (int) JsonContainerSize(array)),
				 errhint("The weights of the first touch, of all between together, and of the last, for example [0.5, 0.2, 0.3].")));
	for (int i = 0; i < 3; i++)
		numbers[i] = weight_of_value(getIthJsonbValueFromContainer(array, i), "weights");
	scale_weights(numbers, 3, "weights", options->custom);
}

static void
read_roles(AttributionOptions *options, JsonbContainer *object)
{
	JsonbValue *value = survive_json_member(object, "roles");
	JsonbContainer *roles;
	JsonbIterator *iterator;
	JsonbValue	item;
	JsonbIteratorToken token;
	Numeric    *numbers;
	int			count = 0;

	if (value == NULL)
	{
		options->roles = make_names(0, "roles");
		return;
	}
	roles = survive_json_object(value, WHERE ": \"roles\"");
	if (JsonContainerSize(roles) > MAX_ROLES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(WHERE ": \"roles\" has %d members, at most %d are allowed", (int) JsonContainerSize(roles), MAX_ROLES)));
	options->roles = make_names(JsonContainerSize(roles), "roles");
	numbers = palloc_array(Numeric, Max(options->roles.count, 1));
	iterator = JsonbIteratorInit(roles);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			options->roles.names[count] = pnstrdup(item.val.string.val, item.val.string.len);
		else if (token == WJB_VALUE)
			numbers[count++] = weight_of_value(&item, "roles");
	}
	options->role_weights = palloc_array(uint64, Max(count, 1));
	scale_weights(numbers, count, "roles", options->role_weights);
}

static void
read_milestones(AttributionOptions *options, JsonbContainer *object)
{
	JsonbValue *value = survive_json_member(object, "milestones");

	if (value != NULL)
		options->milestones = names_of_value(value, "milestones");
	else
	{
		options->milestones = make_names(2, "milestones");
		options->milestones.names[0] = pstrdup("lead");
		options->milestones.names[1] = pstrdup("opportunity");
	}
}

/*
 * omnicrm_attribution_options returns the options that a jsonb says, in the
 * current memory context.  Errors: invalid_parameter_value with the member that is
 * wrong, and those of interval for "lookback" and "half_life".
 */
AttributionOptions *
omnicrm_attribution_options(Jsonb *source)
{
	AttributionOptions *options = palloc0_object(AttributionOptions);
	JsonbContainer *object = &source->root;
	char	   *non;

	if (!JB_ROOT_IS_OBJECT(source))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(WHERE " must be an object"),
				 errhint("For example {\"lookback\": \"90 days\", \"only_if_alone\": [\"direct\"]}.")));
	survive_json_members(object, option_members, WHERE);
	options->steps = palloc_array(PathStep, MAX_STEPS);
	options->lookback = read_interval(object, "lookback", NO_LOOKBACK);
	options->half_life = read_interval(object, "half_life", DEFAULT_HALF_LIFE);
	if (options->half_life == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("half_life must be longer than zero"),
				 errhint("Use the model \"last\" when only the newest touch counts.")));
	non = survive_json_text(object, "non", WHERE);
	options->non = one_name(non ? non : pstrdup("direct"));
	read_custom(options, object);
	read_milestones(options, object);
	read_roles(options, object);
	add_removal(options, object, "exclude", STEP_REMOVE);
	add_removal(options, object, "only_if_alone", STEP_REMOVE_IF_NOT_ALL);
	if (survive_json_boolean(object, "collapse", WHERE))
		(void) add_step(options, STEP_EXPOSURE);
	read_transforms(options, object);
	add_trim(options, object, "max_touches");
	return options;
}

static void
bind_names(NameList *list, bool is_kind, NumberOfName number_of, void *data)
{
	for (int i = 0; i < list->count; i++)
		list->numbers[i] = number_of(data, is_kind, list->names[i], strlen(list->names[i]));
}

/*
 * omnicrm_bind_options looks the names in the options up in the data at hand, which
 * numbers its actors and its kinds.  To be called again when the numbers change.
 */
void
omnicrm_bind_options(AttributionOptions *options, NumberOfName number_of, void *data)
{
	bind_names(&options->non, false, number_of, data);
	bind_names(&options->milestones, true, number_of, data);
	bind_names(&options->roles, true, number_of, data);
	for (int s = 0; s < options->nsteps; s++)
		bind_names(&options->steps[s].actors, false, number_of, data);
}

/* omnicrm_in_names says whether a number belongs to one of the names. */
bool
omnicrm_in_names(const NameList *list, int32 number)
{
	for (int i = 0; i < list->count; i++)
		if (list->numbers[i] == number)
			return true;
	return false;
}
