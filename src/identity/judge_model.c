/*
 * judge_model.c
 *		Models as parsed, kept for the session.
 *
 * A model of a hub holds thousands of names with their frequencies; reading it
 * takes longer than resolving a record.  A value that lies outside its row is
 * known by the place where it lies, without fetching it, any other by its bytes.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "fmgr.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/judge.h"

/* models kept: that of a hub, and one before it, for two hubs */
#define MODELS_KEPT		4
/* levels of e-mail and of other columns that may speak for one person */
#define EMAIL_LEVELS	3
#define OTHER_LEVELS	2
/* how many times likelier a speaking level is among records of one person */
#define SPEAKING_RATIO	4

typedef struct KeptModel
{
	MemoryContext context;
	struct varatt_external place;	/* where the value lies; its length is 0 where that is not known */
	Size		length;
	char	   *bytes;
	JudgeModel *model;
	uint64		used;			/* the one that was longest not used goes first */
} KeptModel;

static KeptModel kept[MODELS_KEPT];
static uint64 uses = 0;
static uint64 models_read = 0;

/* The field with that column, or -1. */
static int
field_of(const MatchModel *model, const char *column)
{
	for (int f = 0; f < model->nfields; f++)
	{
		if (strcmp(model->field[f].column, column) == 0)
			return f;
	}
	return -1;
}

static void
find_columns(JudgeModel *model)
{
	model->given_name = field_of(&model->model, "given_name");
	model->surname = field_of(&model->model, "surname");
	model->birth_date = field_of(&model->model, "birth_date");
	model->email = field_of(&model->model, "email");
	model->phone = field_of(&model->model, "phone");
	model->tax_id = field_of(&model->model, "tax_id");
	model->street = field_of(&model->model, "street");
	model->postcode = field_of(&model->model, "postcode");
	for (int f = 0; f < model->model.nfields; f++)
	{
		const MatchField *field = &model->model.field[f];

		for (int k = 0; k < Min(field->levels, f == model->email ? EMAIL_LEVELS : OTHER_LEVELS); k++)
		{
			if (field->m[k] > SPEAKING_RATIO * field->u[k])
				model->speaking[f] |= 1 << k;
		}
	}
}

/* Reads a model into a context of its own. */
static void
read_model(KeptModel *entry, Datum json)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(json);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omnicrm model", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	JudgeModel *model = palloc0_object(JudgeModel);
	Jsonb	   *copy = DatumGetJsonbPCopy(json);

	omni_match_model(copy, &model->model);
	pfree(copy);
	find_columns(model);
	MemoryContextSwitchTo(old);
	if (entry->context != NULL)
		MemoryContextDelete(entry->context);
	memset(entry, 0, sizeof(*entry));
	if (VARATT_IS_EXTERNAL_ONDISK(value))
		VARATT_EXTERNAL_GET_POINTER(entry->place, value);
	else
	{
		entry->length = VARSIZE_ANY(value);
		entry->bytes = MemoryContextAlloc(context, entry->length);
		memcpy(entry->bytes, value, entry->length);
	}
	MemoryContextSetParent(context, CacheMemoryContext);
	models_read++;
	entry->context = context;
	entry->model = model;
}

static bool
is_kept(const KeptModel *entry, Datum json)
{
	const struct varlena *value = (const struct varlena *) DatumGetPointer(json);
	struct varatt_external place;

	if (entry->model == NULL)
		return false;
	if (!VARATT_IS_EXTERNAL_ONDISK(value))
		return entry->length == VARSIZE_ANY(value) && memcmp(entry->bytes, value, entry->length) == 0;
	VARATT_EXTERNAL_GET_POINTER(place, value);
	return entry->length == 0 && memcmp(&entry->place, &place, sizeof(place)) == 0;
}

/*
 * omni_judge_model: a model, read when this session meets it for the first time.
 * Argument: the model as jsonb, not fetched where it lies outside its row.
 * Result: good as long as omni_judge_models_read() gives the same.
 * Errors: invalid_parameter_value with what is wrong in it.
 */
const JudgeModel *
omni_judge_model(Datum json)
{
	KeptModel  *entry = &kept[0];

	for (int i = 0; i < MODELS_KEPT; i++)
	{
		if (is_kept(&kept[i], json))
		{
			kept[i].used = ++uses;
			return kept[i].model;
		}
		if (kept[i].used < entry->used)
			entry = &kept[i];
	}
	read_model(entry, json);
	entry->used = ++uses;
	return entry->model;
}

/*
 * omni_judge_models_read: how many models this session has read.
 */
uint64
omni_judge_models_read(void)
{
	return models_read;
}

/* Whether an argument is written down in the query; a parameter of an expression of PL/pgSQL is another one at each turn. */
static bool
is_constant(const FmgrInfo *function, int argument)
{
	const FuncExpr *call = (const FuncExpr *) function->fn_expr;

	return call != NULL && IsA(call, FuncExpr) && list_length(call->args) > argument &&
		IsA(list_nth(call->args, argument), Const);
}

/*
 * omni_judge_query_model: the model of a call; a constant of the query is looked for
 * once.
 * Arguments: the call, whose fn_extra this takes; the number of the model among its
 * arguments.
 * Errors: those of omni_judge_model().
 */
QueryModel *
omni_judge_query_model(FunctionCallInfo fcinfo, int argument)
{
	QueryModel *known = fcinfo->flinfo->fn_extra;

	if (known == NULL)
		known = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(QueryModel));
	if (known->model == NULL || known->models_read != omni_judge_models_read() || !is_constant(fcinfo->flinfo, argument))
	{
		known->model = omni_judge_model(PG_GETARG_DATUM(argument));
		known->models_read = omni_judge_models_read();
	}
	return known;
}
