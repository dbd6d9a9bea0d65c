/*
 * maps_json.c
 *		A segment map of the user's, from jsonb:
 *
 *		{"scores": 5, "others": "rest", "rules": [
 *			{"segment": "best", "r": [4, 5], "f": 5}, {"segment": "lost", "r": 1}]}
 *
 *		The first rule that matches names the segment.  A rule says for each axis
 *		a score, a range, or nothing for any score.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "common/compat.h"
#include "golden/survive_json.h"
#include "segment/maps.h"

#define HIGHEST_SCORE 9
#define MAX_RULES 1000

static const char *const map_members[] = {"scores", "others", "rules", NULL};
static const char *const rule_members[] = {"segment", "r", "f", "m", NULL};

/* A score; invalid_parameter_value unless it is a whole number from 1 to the highest. */
static uint8
read_score(const JsonbValue *value, int highest, const char *where, const char *axis)
{
	double		score = 0;

	if (value->type == jbvNumeric)
		score = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!(score >= 1 && score <= highest) || score != (uint8) score)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: \"%s\" must be a score from 1 to %d, or a range such as [1, 2]", where, axis, highest)));
	return (uint8) score;
}

/* The range of an axis in a rule; sets *named when the rule says something of it. */
static ScoreRange
read_range(JsonbContainer *rule, const char *axis, int highest, const char *where, bool *named)
{
	JsonbValue *value = survive_json_member(rule, axis);
	ScoreRange	range = {1, (uint8) highest};

	if (value == NULL)
		return range;
	*named = true;
	if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
		JsonContainerSize(value->val.binary.data) == 2)
	{
		range.low = read_score(getIthJsonbValueFromContainer(value->val.binary.data, 0), highest, where, axis);
		range.high = read_score(getIthJsonbValueFromContainer(value->val.binary.data, 1), highest, where, axis);
	}
	else
		range.low = range.high = read_score(value, highest, where, axis);
	if (range.low > range.high)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: range of \"%s\" ends before it begins: [%d, %d]", where, axis, range.low, range.high)));
	return range;
}

static void
read_rule(JsonbContainer *rules, int number, SegmentMap *map, SegmentRule *rule)
{
	char	   *where = psprintf("rule %d of the segment map", number + 1);
	JsonbContainer *object = survive_json_object(getIthJsonbValueFromContainer(rules, number), where);
	bool		named = false;

	survive_json_members(object, rule_members, where);
	rule->segment = survive_json_text(object, "segment", where);
	if (rule->segment == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s names no segment", where)));
	rule->r = read_range(object, "r", map->scores, where, &named);
	rule->f = read_range(object, "f", map->scores, where, &named);
	rule->m = read_range(object, "m", map->scores, where, &map->monetary);
}

/*
 * The map that a jsonb says, in the current memory context.  Errors:
 * invalid_parameter_value with the rule and the member that are wrong.
 */
SegmentMap *
segment_map_read(Jsonb *source)
{
	SegmentMap *map = palloc0_object(SegmentMap);
	JsonbContainer *rules;
	SegmentRule *list;
	double		scores = 5;

	if (!JB_ROOT_IS_OBJECT(source))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("segment map must be an object"),
				 errhint("For example {\"rules\": [{\"segment\": \"best\", \"r\": [4, 5], \"f\": 5}], \"others\": \"rest\"}.")));
	survive_json_members(&source->root, map_members, "segment map");
	(void) survive_json_number(&source->root, "scores", 2, HIGHEST_SCORE, &scores, "segment map");
	map->name = "own";
	map->scores = (int) scores;
	map->others = survive_json_text(&source->root, "others", "segment map");
	rules = survive_json_array(&source->root, "rules", "segment map");
	map->nrules = rules == NULL ? 0 : JsonContainerSize(rules);
	if (map->nrules < 1 || map->nrules > MAX_RULES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("segment map must have 1 to %d rules, it has %d", MAX_RULES, map->nrules)));
	list = palloc0_array(SegmentRule, map->nrules);
	for (int i = 0; i < map->nrules; i++)
		read_rule(rules, i, map, &list[i]);
	map->rules = list;
	return map;
}
