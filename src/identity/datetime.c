/*
 * datetime.c
 *		Dates and times as sources write them: one stated order, no guessing, no
 *		dependence on DateStyle, and never an error because of a value.
 *
 * Formats: YMD, DMY, MDY, and auto = ISO plus whatever has one reading only
 * (25/12/1980, 05/05/1980).  Four-digit years; a small y (yMD, DMy, MDy) also
 * takes two digits: 00 to 69 is 2000 to 2069, 70 to 99 is 1970 to 1999.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "common/compat.h"
#include "identity/chars.h"
#include "identity/datetime.h"

#define DATE_BUFFER (OMNI_SHORT_MAX + 1)
#define PIVOT 70

PG_FUNCTION_INFO_V1(omnicrm_parse_date);
PG_FUNCTION_INFO_V1(omnicrm_parse_timestamp);

/* A run of digits: its value and length. Longer ones than nine digits fail. */
static bool
scan_number(const char **s, int *value, int *digits)
{
	int			n = 0;
	int			v = 0;

	while (**s >= '0' && **s <= '9')
	{
		if (++n > 9)
			return false;
		v = v * 10 + (**s - '0');
		(*s)++;
	}
	*value = v;
	*digits = n;
	return n > 0;
}

/* Gives the three fields their places; -1 where a year is needed and there is none. */
static bool
assign_fields(const char *order, bool short_year, const int *values, const int *digits, struct pg_tm *tm)
{
	for (int i = 0; i < 3; i++)
	{
		switch (order[i])
		{
			case 'Y':
				tm->tm_year = values[i];
				if (digits[i] == 2 && short_year)
					tm->tm_year += values[i] < PIVOT ? 2000 : 1900;
				else if (digits[i] != 4)
					return false;
				break;
			case 'M':
				tm->tm_mon = values[i];
				if (digits[i] > 2)
					return false;
				break;
			default:
				tm->tm_mday = values[i];
				if (digits[i] > 2)
					return false;
		}
	}
	return true;
}

/* Whether the fields are a day of the calendar, years 1 to 9999. */
static bool
is_date(const struct pg_tm *tm)
{
	return tm->tm_year >= 1 && tm->tm_year <= 9999 && tm->tm_mon >= 1 && tm->tm_mon <= 12 &&
		tm->tm_mday >= 1 && tm->tm_mday <= day_tab[isleap(tm->tm_year)][tm->tm_mon - 1];
}

/*
 * omni_scan_date: reads a date.
 * Arguments: the text, moved behind the date; the order YMD, DMY or MDY with a
 * small y for two-digit years, or "auto"; the fields.
 * Result: false when no real date of that order starts the text.
 */
bool
omni_scan_date(const char **text, const char *format, struct pg_tm *result)
{
	const char *s = *text;
	char		order[4] = "YMD";
	int			values[3];
	int			digits[3];
	char		separator;
	bool		automatic = strcmp(format, "auto") == 0;
	bool		short_year = !automatic && strchr(format, 'y') != NULL;

	if (!automatic)
	{
		for (int i = 0; i < 3; i++)
			order[i] = format[i] == 'y' ? 'Y' : format[i];
	}
	if (!scan_number(&s, &values[0], &digits[0]))
		return false;
	if (digits[0] == 8 && order[0] == 'Y')
	{
		values[2] = values[0] % 100;
		values[1] = values[0] / 100 % 100;
		values[0] /= 10000;
		digits[0] = 4;
		digits[1] = digits[2] = 2;
	}
	else
	{
		separator = *s;
		if (separator != '-' && separator != '/' && separator != '.' && separator != ' ')
			return false;
		for (int i = 1; i < 3; i++)
		{
			if (*s != separator)
				return false;
			s++;
			while (separator != ' ' && *s == ' ')
				s++;
			if (!scan_number(&s, &values[i], &digits[i]))
				return false;
			while (i == 1 && separator != ' ' && *s == ' ')
				s++;
		}
		if (automatic && digits[0] <= 2)
		{
			/* only one reading: a day above 12, or day and month equal */
			if (values[0] > 12 || values[0] == values[1])
				memcpy(order, "DMY", 4);
			else if (values[1] > 12)
				memcpy(order, "MDY", 4);
			else
				return false;
		}
	}
	if (!assign_fields(order, short_year, values, digits, result) || !is_date(result))
		return false;
	*text = s;
	return true;
}

/* Two digits at most, up to a limit. */
static bool
scan_small(const char **s, int limit, int *value)
{
	int			digits;

	return scan_number(s, value, &digits) && digits <= 2 && *value <= limit;
}

/* hh:mm[:ss[.ffffff]] [am|pm]; 24:00 is midnight at the end of the day. */
static bool
scan_time(const char **text, struct pg_tm *tm, fsec_t *microseconds)
{
	const char *s = *text;
	const char *suffix;

	*microseconds = 0;
	tm->tm_sec = 0;
	if (!scan_small(&s, 24, &tm->tm_hour) || *s++ != ':' || !scan_small(&s, 59, &tm->tm_min))
		return false;
	if (*s == ':')
	{
		s++;
		if (!scan_small(&s, 59, &tm->tm_sec))
			return false;
		if ((*s == '.' || *s == ',') && s[1] >= '0' && s[1] <= '9')
		{
			int			scale = 100000;

			for (s++; *s >= '0' && *s <= '9'; s++, scale /= 10)
				*microseconds += (*s - '0') * scale;
		}
	}
	suffix = s;
	while (*suffix == ' ')
		suffix++;
	if ((pg_tolower(*suffix) == 'a' || pg_tolower(*suffix) == 'p'))
	{
		bool		afternoon = pg_tolower(*suffix) == 'p';

		suffix++;
		if (*suffix == '.')
			suffix++;
		while (*suffix == ' ')
			suffix++;
		if (pg_tolower(*suffix) != 'm' || tm->tm_hour < 1 || tm->tm_hour > 12)
			return false;
		s = suffix + 1;
		if (*s == '.')
			s++;
		tm->tm_hour = tm->tm_hour % 12 + (afternoon ? 12 : 0);
	}
	*text = s;
	return tm->tm_hour < 24 || (tm->tm_min == 0 && tm->tm_sec == 0 && *microseconds == 0);
}

/* Z, UTC, GMT or +hh, +hhmm, +hh:mm. Seconds east; *known false when there is none. */
static bool
scan_offset(const char **text, int *offset, bool *known)
{
	const char *s = *text;
	int			hours;
	int			minutes = 0;
	int			digits;
	int			sign;

	*known = false;
	while (*s == ' ')
		s++;
	if (*s == '\0')
		return true;
	*known = true;
	*offset = 0;
	if (pg_strcasecmp(s, "z") == 0 || pg_strcasecmp(s, "utc") == 0 || pg_strcasecmp(s, "gmt") == 0)
		return true;
	if (pg_strncasecmp(s, "utc", 3) == 0 || pg_strncasecmp(s, "gmt", 3) == 0)
		s += 3;
	if (*s != '+' && *s != '-')
		return false;
	sign = *s++ == '-' ? -1 : 1;
	if (!scan_number(&s, &hours, &digits) || digits > 4)
		return false;
	if (digits > 2)
	{
		minutes = hours % 100;
		hours /= 100;
	}
	else if (*s == ':')
	{
		s++;
		if (!scan_small(&s, 59, &minutes))
			return false;
	}
	*offset = sign * (hours * 60 + minutes) * 60;
	*text = s;
	return hours <= 15 && minutes <= 59 && *s == '\0';
}

/*
 * omni_date_format: a format as omni_scan_date() takes it.
 * Errors: invalid_parameter_value when it is none.
 */
void
omni_date_format(Datum value, char format[8])
{
	static const char *const orders[] = {"YMD", "DMY", "MDY", "auto"};
	text	   *given = DatumGetTextPP(value);
	int			length = VARSIZE_ANY_EXHDR(given);

	if (length == 3 || length == 4)
	{
		memcpy(format, VARDATA_ANY(given), length);
		format[length] = '\0';
		for (int i = 0; i < lengthof(orders); i++)
		{
			if (pg_strcasecmp(format, orders[i]) == 0)
			{
				/* letters as in the list, except for the y of two-digit years */
				for (int j = 0; j < length; j++)
				{
					if (format[j] != 'y')
						format[j] = orders[i][j];
				}
				return;
			}
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown date format: \"%s\"", text_to_cstring(given)),
			 errhint("Use YMD, DMY, MDY or auto; a small y, as in DMy, admits two-digit years.")));
}

/* Fields of a date that may carry a time; false when it is none. */
static bool
read_moment(const char *s, const char *format, bool time_matters, struct pg_tm *tm,
			fsec_t *microseconds, int *offset, bool *known)
{
	memset(tm, 0, sizeof(*tm));
	*microseconds = 0;
	*known = false;
	if (!omni_scan_date(&s, format, tm))
		return false;
	if (*s == 'T' || *s == 't')
		s++;
	else if (*s == ' ' || *s == ',')
	{
		while (*s == ' ' || *s == ',')
			s++;
	}
	else
		return *s == '\0';
	if (!time_matters)
	{
		/* anything that starts like a time is left aside */
		int			n = strspn(s, "0123456789");

		return n >= 1 && n <= 2 && s[n] == ':' && s[n + 1] >= '0' && s[n + 1] <= '9';
	}
	return scan_time(&s, tm, microseconds) && scan_offset(&s, offset, known);
}

/*
 * parse_date(text, format text) returns date.
 * Arguments: the date as written, separators - / . or blank, or eight digits in
 * YMD order; a time behind it is left aside; the format, see above.
 * Result: NULL when it is no real calendar date of years 1 to 9999.
 * Errors: invalid_parameter_value for an unknown format.
 */
Datum
omnicrm_parse_date(PG_FUNCTION_ARGS)
{
	char		plain[DATE_BUFFER];
	char		format[8];
	struct pg_tm tm;
	fsec_t		microseconds;
	int			offset;
	bool		known;

	omni_date_format(PG_GETARG_DATUM(1), format);
	if (omni_plain(PG_GETARG_DATUM(0), plain, sizeof(plain)) <= 0 ||
		!read_moment(plain, format, false, &tm, &microseconds, &offset, &known))
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE);
}

/*
 * parse_timestamp(text, format text, zone text) returns timestamptz.
 * Arguments: a date as for parse_date(), then nothing (midnight) or T or a blank
 * and hh:mm[:ss[.ffffff]], am or pm, then nothing or Z, UTC, GMT or an offset
 * such as +02:00; the format; the time zone of values without an offset.
 * Result: NULL when it is none.
 * Errors: invalid_parameter_value for an unknown format or zone.
 */
Datum
omnicrm_parse_timestamp(PG_FUNCTION_ARGS)
{
	char		plain[DATE_BUFFER];
	char		format[8];
	char	   *zone_name = text_to_cstring(PG_GETARG_TEXT_PP(2));
	pg_tz	   *zone = NULL;
	struct pg_tm tm;
	fsec_t		microseconds;
	int			offset = 0;
	bool		known;
	int			days;
	TimestampTz result;

	omni_date_format(PG_GETARG_DATUM(1), format);
	if (strlen(zone_name) <= TZ_STRLEN_MAX)
		zone = pg_tzset(zone_name);
	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown time zone: \"%.100s\"", zone_name),
				 errhint("Use a name of pg_timezone_names, for example Europe/Madrid.")));
	if (omni_plain(PG_GETARG_DATUM(0), plain, sizeof(plain)) <= 0 ||
		!read_moment(plain, format, true, &tm, &microseconds, &offset, &known))
		PG_RETURN_NULL();
	days = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
	if (!known)
	{
		/* the zone rules see a real hour; 24:00 is added below */
		struct pg_tm local = tm;

		local.tm_hour = Min(tm.tm_hour, 23);
		offset = -DetermineTimeZoneOffset(&local, zone);
	}
	result = days * USECS_PER_DAY +
		((tm.tm_hour * 60 + tm.tm_min) * 60 + tm.tm_sec - offset) * USECS_PER_SEC + microseconds;
	PG_RETURN_TIMESTAMPTZ(result);
}
