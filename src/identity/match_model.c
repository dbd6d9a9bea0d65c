/*
 * match_model.c
 *		A model as jsonb: what a user gives, stores, edits and compares.
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "common/compat.h"
#include "identity/country.h"
#include "identity/datetime.h"
#include "identity/match.h"

#define MODEL_VERSION	1
/* least share and least prior: a little below what training gives */
#define SHARE_MIN		1e-15
#define PRIOR_MIN		1e-20

pg_noreturn static void
bad_model(const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid model: %s", what),
			 hint ? errhint("%s", hint) : 0));
}

/* A member of an object, or NULL. */
static JsonbValue *
member(JsonbContainer *object, const char *key)
{
	return getKeyJsonValueFromContainer(object, key, strlen(key), NULL);
}

static char *
string_of(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static double
number_of(const JsonbValue *value)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
}

/* Reads a number of an object between two limits; false when it is not there. */
static bool
read_number(JsonbContainer *object, const char *key, double least, double most, double *result)
{
	JsonbValue *value = member(object, key);

	if (value == NULL || value->type == jbvNull)
		return false;
	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be a number", key)));
	*result = number_of(value);
	if (!(*result >= least && *result <= most))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is out of range: %g", key, *result),
				 errhint("It lies between %g and %g.", least, most)));
	return true;
}

static bool
read_boolean(JsonbContainer *object, const char *key, bool *result)
{
	JsonbValue *value = member(object, key);

	if (value == NULL || value->type == jbvNull)
		return false;
	if (value->type != jbvBool)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be true or false", key)));
	*result = value->val.boolean;
	return true;
}

static bool
read_string(JsonbContainer *object, const char *key, char **result)
{
	JsonbValue *value = member(object, key);

	if (value == NULL || value->type == jbvNull)
		return false;
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be a string", key)));
	*result = string_of(value);
	return true;
}

/* Refuses members that are not in a list that ends with NULL. */
static void
check_members(JsonbContainer *object, const char *const *known, const char *what)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbValue	value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		bool		found = false;
		StringInfoData list;

		if (token != WJB_KEY)
			continue;
		initStringInfo(&list);
		for (int i = 0; known[i] != NULL; i++)
		{
			found |= strlen(known[i]) == value.val.string.len &&
				memcmp(known[i], value.val.string.val, value.val.string.len) == 0;
			appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", known[i]);
		}
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown %s: \"%s\"", what, string_of(&value)),
					 errhint("Known: %s.", list.data)));
		pfree(list.data);
	}
}

static void
init_field(MatchModel *model, char *column, const char *kind_name)
{
	MatchField *field;

	if (model->nfields == MATCH_FIELDS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d fields", MATCH_FIELDS_MAX)));
	field = &model->field[model->nfields++];
	memset(field, 0, sizeof(*field));
	field->column = column;
	if (!omni_match_kind_by_name(kind_name, &field->kind))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown kind of field \"%s\": \"%s\"", column, kind_name),
				 errhint("Known kinds: %s.", omni_match_kind_names())));
	field->levels = omni_match_kind_levels(field->kind);
	field->term_frequency = omni_match_kind(field->kind)->term_frequency;
	field->exclusive = omni_match_kind(field->kind)->exclusive;
	field->blocking = true;
	field->parent = -1;
	if (field->kind == MATCH_GIVEN_NAME && model->given_name < 0)
		model->given_name = model->nfields - 1;
	if (field->kind == MATCH_SURNAME && model->surname < 0)
		model->surname = model->nfields - 1;
}

/* What an object in place of a kind may say, and a comparison of a model. */
static void
read_field_options(JsonbContainer *object, MatchField *field)
{
	read_boolean(object, "exclusive", &field->exclusive);
	read_boolean(object, "blocking", &field->blocking);
	if (read_string(object, "country", &field->country))
	{
		char		code[3];

		if (!omni_country(CStringGetTextDatum(field->country), code))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown country of field \"%s\": \"%s\"", field->column, field->country),
					 errhint("Use a code of two letters, as ES.")));
	}
	if (read_string(object, "format", &field->format))
	{
		char		format[8];

		omni_date_format(CStringGetTextDatum(field->format), format);
		field->format = pstrdup(format);
	}
}

/* Refuses options that are no object or have unknown members. */
static void
check_options(Jsonb *options)
{
	static const char *const known[] = {"threshold", "review", "unscored", "max_block", "max_weak_block", "max_value_block", "source", "one_per_source", "decisions", NULL};

	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object")));
	check_members(&options->root, known, "option");
}

static void
read_options(JsonbContainer *object, MatchModel *model)
{
	double		value;

	read_number(object, "threshold", -100, 100, &model->threshold);
	read_number(object, "review", -100, 100, &model->review);
	read_number(object, "unscored", -100, 0, &model->unscored);
	if (read_number(object, "max_block", 2, 100000, &value))
		model->max_block = (int) value;
	if (read_number(object, "max_weak_block", 2, 100000, &value))
		model->max_weak_block = (int) value;
	if (read_number(object, "max_value_block", 2, 100000, &value))
		model->max_value_block = (int) value;
	if (read_number(object, "prior", PRIOR_MIN, 0.5, &value))
		model->prior = value;
	if (model->review > model->threshold)
		model->review = model->threshold;
}

/*
 * omni_match_run_options: reads what a run is told beside its model.
 * Arguments: the options; the model, whose threshold and the like they change.
 * Errors: invalid_parameter_value, undefined_table.
 */
void
omni_match_run_options(Jsonb *json, MatchModel *model, MatchRunOptions *options)
{
	char	   *decisions = NULL;

	memset(options, 0, sizeof(*options));
	check_options(json);
	read_options(&json->root, model);
	read_string(&json->root, "source", &options->source);
	read_boolean(&json->root, "one_per_source", &options->one_per_source);
	if (options->one_per_source && options->source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"one_per_source\" needs a \"source\""),
				 errhint("Name the column that says where a record comes from.")));
	if (read_string(&json->root, "decisions", &decisions))
	{
		options->decisions = DatumGetObjectId(DirectFunctionCall1(regclassin, CStringGetDatum(decisions)));
		if (!OidIsValid(options->decisions))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("relation \"%s\" does not exist", decisions)));
	}
}

static void
init_model(MatchModel *model)
{
	memset(model, 0, sizeof(*model));
	model->given_name = model->surname = -1;
	model->threshold = -2;
	model->review = -6;
	model->unscored = -2;
	model->max_block = 200;
}

/*
 * omni_match_fields: a model without numbers, from fields and options.
 * Arguments: fields, {"column": "kind" or {"kind": ...}}; options; the model to
 * fill in.
 * Errors: invalid_parameter_value, program_limit_exceeded.
 */
void
omni_match_fields(Jsonb *fields, Jsonb *options, MatchModel *model)
{
	static const char *const field_options[] = {"kind", "term_frequency", "exclusive", "blocking", "country", "format", NULL};
	JsonbIterator *iterator;
	JsonbValue	value;
	JsonbIteratorToken token;
	char	   *column = NULL;

	init_model(model);
	if (!JB_ROOT_IS_OBJECT(fields))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fields must be a JSON object"),
				 errhint("For example {\"first_name\": \"given_name\", \"dob\": \"birth_date\"}.")));
	iterator = JsonbIteratorInit(&fields->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			column = string_of(&value);
		else if (token == WJB_VALUE && value.type == jbvString)
			init_field(model, column, string_of(&value));
		else if (token == WJB_VALUE && value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data))
		{
			char	   *kind = NULL;

			check_members(value.val.binary.data, field_options, "option of a field");
			if (!read_string(value.val.binary.data, "kind", &kind))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("field \"%s\" has no kind", column),
						 errhint("Known kinds: %s.", omni_match_kind_names())));
			init_field(model, column, kind);
			read_field_options(value.val.binary.data, &model->field[model->nfields - 1]);
			read_boolean(value.val.binary.data, "term_frequency", &model->field[model->nfields - 1].term_frequency);
		}
		else if (token == WJB_VALUE)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("field \"%s\" must be a kind or an object with a kind", column),
					 errhint("Known kinds: %s.", omni_match_kind_names())));
	}
	if (model->nfields == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no field to compare"),
				 errhint("For example {\"first_name\": \"given_name\", \"dob\": \"birth_date\"}.")));
	check_options(options);
	read_options(&options->root, model);
}

/* The levels of a comparison of a model. */
static void
read_levels(JsonbContainer *object, MatchField *field, bool relatives)
{
	JsonbValue *levels = member(object, "levels");
	double		sum_m = 0;
	double		sum_u = 0;

	if (levels == NULL || levels->type != jbvBinary || !JsonContainerIsArray(levels->val.binary.data))
		bad_model(psprintf("comparison \"%s\" has no levels", field->column), NULL);
	if (JsonContainerSize(levels->val.binary.data) != field->levels)
		bad_model(psprintf("comparison \"%s\" of kind %s needs %d levels, not %d", field->column,
						   omni_match_kind(field->kind)->name, field->levels, JsonContainerSize(levels->val.binary.data)),
				  "A model fits the version that trained it; train anew.");
	for (int k = 0; k < field->levels; k++)
	{
		JsonbValue *level = getIthJsonbValueFromContainer(levels->val.binary.data, k);

		if (level == NULL || level->type != jbvBinary || !JsonContainerIsObject(level->val.binary.data) ||
			!read_number(level->val.binary.data, "m", SHARE_MIN, 1, &field->m[k]) ||
			!read_number(level->val.binary.data, "u", SHARE_MIN, 1, &field->u[k]))
			bad_model(psprintf("level %d of comparison \"%s\" has no m or u", k + 1, field->column), NULL);
		if (relatives && !read_number(level->val.binary.data, "relatives", SHARE_MIN, 1, &field->relatives[k]))
			bad_model(psprintf("level %d of comparison \"%s\" has no \"relatives\"", k + 1, field->column),
					  "A model that knows a share of relatives knows it of each level, too.");
		sum_m += field->m[k];
		sum_u += field->u[k];
	}
	if (sum_m > 1.01 || sum_u > 1.01)
		bad_model(psprintf("probabilities of comparison \"%s\" sum to more than 1", field->column),
				  "m and u of the levels of one comparison are shares of the same pairs.");
}

/* Shares of one level by the level of the parent. */
static void
read_shares(JsonbContainer *object, const char *key, double share[][MATCH_LEVELS_MAX], int level, int states)
{
	JsonbValue *list = member(object, key);

	if (list == NULL || list->type != jbvBinary || !JsonContainerIsArray(list->val.binary.data) ||
		JsonContainerSize(list->val.binary.data) != states)
		bad_model(psprintf("a level has no \"%s\" of %d numbers", key, states),
				  "A comparison that depends on another one gives its shares for each level of that.");
	for (int i = 0; i < states; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(list->val.binary.data, i);

		if (value->type != jbvNumeric)
			bad_model(psprintf("\"%s\" holds what is no number", key), NULL);
		share[i][level] = number_of(value);
		if (!(share[i][level] >= SHARE_MIN && share[i][level] <= 1))
			bad_model(psprintf("\"%s\" holds %g, which is no share", key, share[i][level]), NULL);
	}
}

/* The comparison that another one depends on, once all are read. */
static void
read_dependence(MatchModel *model, JsonbContainer *comparisons)
{
	for (int f = 0; f < model->nfields; f++)
	{
		MatchField *field = &model->field[f];
		JsonbContainer *object = getIthJsonbValueFromContainer(comparisons, f)->val.binary.data;
		JsonbContainer *levels = member(object, "levels")->val.binary.data;
		char	   *parent = NULL;

		if (!read_string(object, "depends_on", &parent))
			continue;
		for (int g = 0; g < model->nfields; g++)
		{
			if (g != f && strcmp(model->field[g].column, parent) == 0)
				field->parent = g;
		}
		if (field->parent < 0)
			bad_model(psprintf("comparison \"%s\" depends on \"%s\", which is not there", field->column, parent), NULL);
		for (int k = 0; k < field->levels; k++)
		{
			JsonbContainer *level = getIthJsonbValueFromContainer(levels, k)->val.binary.data;

			read_shares(level, "m_given", field->m_given, k, model->field[field->parent].levels);
			read_shares(level, "u_given", field->u_given, k, model->field[field->parent].levels);
		}
	}
}

/* A term as text: % and bytes that are no characters of the database in hexadecimal digits. */
static char *
escape_term(const char *term)
{
	StringInfoData text;
	bool		valid = pg_verifymbstr(term, strlen(term), true);

	initStringInfo(&text);
	for (const unsigned char *s = (const unsigned char *) term; *s; s++)
	{
		if (*s == '%' || (*s >= 0x80 && !valid))
			appendStringInfo(&text, "%%%02x", *s);
		else
			appendStringInfoChar(&text, *s);
	}
	return text.data;
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The opposite of escape_term(), in place. */
static char *
unescape_term(char *text)
{
	char	   *to = text;

	for (const char *s = text; *s; s++)
	{
		if (*s == '%' && hex_digit(s[1]) >= 0 && hex_digit(s[2]) >= 0)
		{
			*to++ = (char) (hex_digit(s[1]) << 4 | hex_digit(s[2]));
			s += 2;
		}
		else
			*to++ = *s;
	}
	*to = '\0';
	return text;
}

static void
read_terms(JsonbContainer *object, MatchField *field)
{
	JsonbValue *terms = member(object, "term_frequency");
	JsonbIterator *iterator;
	JsonbValue	value;
	JsonbIteratorToken token;
	int			n;

	field->term_frequency = terms != NULL && terms->type == jbvBinary && JsonContainerIsObject(terms->val.binary.data);
	if (terms != NULL && !field->term_frequency && terms->type != jbvNull)
		bad_model(psprintf("\"term_frequency\" of comparison \"%s\" must be an object of values with their shares", field->column),
				  NULL);
	if (!field->term_frequency)
		return;
	read_number(object, "rare_frequency", 0, 1, &field->rare_share);
	n = JsonContainerSize(terms->val.binary.data);
	field->terms = palloc(Max(n, 1) * sizeof(char *));
	field->term_share = palloc(Max(n, 1) * sizeof(double));
	iterator = JsonbIteratorInit(terms->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			field->terms[field->nterms] = unescape_term(string_of(&value));
		else if (token == WJB_VALUE)
		{
			double		share = value.type == jbvNumeric ? number_of(&value) : -1;

			if (!(share > 0 && share <= 1))
				bad_model(psprintf("term frequency of \"%s\" is no share between 0 and 1", field->terms[field->nterms]), NULL);
			field->term_share[field->nterms++] = share;
		}
	}
	omni_match_index_terms(field);
}

/*
 * omni_match_model: reads a model.
 * Errors: invalid_parameter_value with what is wrong in it.
 */
void
omni_match_model(Jsonb *json, MatchModel *model)
{
	JsonbValue *comparisons;
	double		version;
	double		records = 0;

	init_model(model);
	if (!JB_ROOT_IS_OBJECT(json) || !read_number(&json->root, "omnicrm_model", 0, 1e9, &version))
		bad_model("no member \"omnicrm_model\"", "Make one with omnicrm.match_train().");
	if (version != MODEL_VERSION)
		bad_model(psprintf("version %g, this library reads version %d", version, MODEL_VERSION),
				  "Train anew with omnicrm.match_train().");
	read_options(&json->root, model);
	if (model->prior == 0)
		bad_model("no prior", NULL);
	(void) read_number(&json->root, "relatives", 0, 0.5, &model->relatives);
	if (read_number(&json->root, "records", 0, 1e15, &records))
		model->records = (int64) records;
	comparisons = member(&json->root, "comparisons");
	if (comparisons == NULL || comparisons->type != jbvBinary || !JsonContainerIsArray(comparisons->val.binary.data) ||
		JsonContainerSize(comparisons->val.binary.data) == 0)
		bad_model("no comparisons", NULL);
	for (int i = 0; i < JsonContainerSize(comparisons->val.binary.data); i++)
	{
		JsonbValue *item = getIthJsonbValueFromContainer(comparisons->val.binary.data, i);
		JsonbContainer *object;
		char	   *column = NULL;
		char	   *kind = NULL;

		if (item == NULL || item->type != jbvBinary || !JsonContainerIsObject(item->val.binary.data))
			bad_model(psprintf("comparison %d is no object", i + 1), NULL);
		object = item->val.binary.data;
		if (!read_string(object, "column", &column) || !read_string(object, "kind", &kind))
			bad_model(psprintf("comparison %d has no column or no kind", i + 1), NULL);
		init_field(model, column, kind);
		read_field_options(object, &model->field[i]);
		read_levels(object, &model->field[i], model->relatives > 0);
		read_terms(object, &model->field[i]);
	}
	read_dependence(model, comparisons->val.binary.data);
	omni_match_weights(model);
}

/*
 * The order in which fields are compared: parents before those that depend on
 * them, and otherwise first what most may be hoped from, so that hopeless pairs
 * are soon given up.
 */
static void
order_fields(MatchModel *model)
{
	bool		placed[MATCH_FIELDS_MAX] = {false};

	for (int n = 0; n < model->nfields; n++)
	{
		int			best = -1;

		for (int f = 0; f < model->nfields; f++)
		{
			if (placed[f] || (model->field[f].parent >= 0 && !placed[model->field[f].parent]))
				continue;
			if (best < 0 || model->field[f].best_different > model->field[best].best_different)
				best = f;
		}
		if (best < 0)
			bad_model("comparisons depend on each other in a circle", NULL);
		placed[best] = true;
		model->order[n] = best;
	}
}

/* How much less than hoped for two different values may weigh. */
static int32
doubt(const MatchField *field)
{
	return field->best_different - field->best[1 << (field->levels - 1)];
}

/* The order in which sketches are looked at. */
static void
order_by_doubt(MatchModel *model)
{
	for (int n = 0; n < model->nfields; n++)
	{
		int			at = n;

		for (; at > 0 && doubt(&model->field[n]) > doubt(&model->field[model->doubt_order[at - 1]]); at--)
			model->doubt_order[at] = model->doubt_order[at - 1];
		model->doubt_order[at] = n;
	}
}

/*
 * omni_match_weights: weights of levels and prior from m, u, prior and what is known
 * of relatives.
 */
void
omni_match_weights(MatchModel *model)
{
	model->prior_weight = omni_match_units(log2(model->prior / (1 - model->prior)));
	for (int f = 0; f < model->nfields; f++)
	{
		MatchField *field = &model->field[f];

		int32		best[MATCH_LEVELS_MAX];

		memset(field->weight, 0, sizeof(field->weight));
		for (int k = 0; k < MATCH_LEVELS_MAX; k++)
			best[k] = PG_INT32_MIN;
		for (int state = 0; state < MATCH_STATES; state++)
		{
			bool		known = field->parent >= 0 && state < model->field[field->parent].levels;
			const double *m = known ? field->m_given[state] : field->m;
			const double *u = known ? field->u_given[state] : field->u;

			for (int k = 0; k < field->levels; k++)
			{
				int32		weight = omni_match_units(log2(m[k] / u[k]));

				field->weight[state][k] = weight;
				best[k] = Max(best[k], weight);
			}
		}
		for (int levels = 1; levels < 1 << MATCH_LEVELS_MAX; levels++)
		{
			field->best[levels] = PG_INT32_MIN;
			for (int k = 0; k < field->levels; k++)
			{
				if (levels & 1 << k)
					field->best[levels] = Max(field->best[levels], best[k]);
			}
		}
		field->best_different = field->best[(1 << field->levels) - 2];
	}
	omni_match_relatives_weights(model);
	order_fields(model);
	order_by_doubt(model);
}

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

static void
push_string(JsonbParseState **state, const char *text, bool in_array)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	pushJsonbValue(state, in_array ? WJB_ELEM : WJB_VALUE, &value);
}

/* Nine digits are enough for a reader and exact in repetition. */
static void
push_number(JsonbParseState **state, double number, bool in_array)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(psprintf("%.9g", number)),
															ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	pushJsonbValue(state, in_array ? WJB_ELEM : WJB_VALUE, &value);
}

static void
push_boolean(JsonbParseState **state, bool truth)
{
	JsonbValue	value;

	value.type = jbvBool;
	value.val.boolean = truth;
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* Shares of one level by the level of the parent. */
static void
push_shares(JsonbParseState **state, const char *key, const double share[][MATCH_LEVELS_MAX], int level, int states)
{
	push_key(state, key);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < states; i++)
		push_number(state, share[i][level], true);
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static void
push_field(JsonbParseState **state, const MatchModel *model, const MatchField *field)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_key(state, "column");
	push_string(state, field->column, false);
	push_key(state, "kind");
	push_string(state, omni_match_kind(field->kind)->name, false);
	push_key(state, "exclusive");
	push_boolean(state, field->exclusive);
	push_key(state, "blocking");
	push_boolean(state, field->blocking);
	if (field->country != NULL)
	{
		push_key(state, "country");
		push_string(state, field->country, false);
	}
	if (field->format != NULL)
	{
		push_key(state, "format");
		push_string(state, field->format, false);
	}
	if (field->parent >= 0)
	{
		push_key(state, "depends_on");
		push_string(state, model->field[field->parent].column, false);
	}
	push_key(state, "levels");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int k = 0; k < field->levels; k++)
	{
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		push_key(state, "level");
		push_string(state, omni_match_kind(field->kind)->levels[k], false);
		push_key(state, "m");
		push_number(state, field->m[k], false);
		push_key(state, "u");
		push_number(state, field->u[k], false);
		if (model->relatives > 0)
		{
			push_key(state, "relatives");
			push_number(state, field->relatives[k], false);
		}
		if (field->parent >= 0)
		{
			push_shares(state, "m_given", field->m_given, k, model->field[field->parent].levels);
			push_shares(state, "u_given", field->u_given, k, model->field[field->parent].levels);
		}
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
	if (field->term_frequency)
	{
		push_key(state, "rare_frequency");
		push_number(state, field->rare_share, false);
		push_key(state, "term_frequency");
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		for (int i = 0; i < field->nterms; i++)
		{
			push_key(state, escape_term(field->terms[i]));
			push_number(state, field->term_share[i], false);
		}
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/*
 * omni_match_model_json: a model as jsonb.
 */
Jsonb *
omni_match_model_json(const MatchModel *model)
{
	JsonbParseState *state = NULL;
	JsonbValue *result;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_key(&state, "omnicrm_model");
	push_number(&state, MODEL_VERSION, false);
	push_key(&state, "prior");
	push_number(&state, model->prior, false);
	if (model->relatives > 0)
	{
		push_key(&state, "relatives");
		push_number(&state, model->relatives, false);
	}
	push_key(&state, "records");
	push_number(&state, model->records, false);
	push_key(&state, "threshold");
	push_number(&state, model->threshold, false);
	push_key(&state, "review");
	push_number(&state, model->review, false);
	push_key(&state, "unscored");
	push_number(&state, model->unscored, false);
	push_key(&state, "max_block");
	push_number(&state, model->max_block, false);
	if (model->max_weak_block > 0)
	{
		push_key(&state, "max_weak_block");
		push_number(&state, model->max_weak_block, false);
	}
	if (model->max_value_block > 0)
	{
		push_key(&state, "max_value_block");
		push_number(&state, model->max_value_block, false);
	}
	push_key(&state, "comparisons");
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int f = 0; f < model->nfields; f++)
		push_field(&state, model, &model->field[f]);
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(result);
}
