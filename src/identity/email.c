/*
 * email.c
 *		E-mail addresses in one form.
 */
#include "postgres.h"

#include <unicode/uchar.h>
#include <unicode/uidna.h>

#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/chars.h"

#define LOCAL_MAX	64
#define DOMAIN_MAX	253
#define LABEL_MAX	63

PG_FUNCTION_INFO_V1(omnicrm_normalize_email);

static UIDNA *idna = NULL;

/* Takes "Name <address>", "mailto:address?subject=", commas at the end apart. */
static void
unwrap(Chars *in)
{
	static const char scheme[] = "mailto:";
	bool		again = true;

	for (int i = in->length - 1; i > 0; i--)
	{
		if (in->data[i] != '>')
			continue;
		for (int j = i - 1; j >= 0; j--)
		{
			if (in->data[j] == '<')
			{
				in->data += j + 1;
				in->length = i - j - 1;
				break;
			}
		}
		break;
	}
	while (again)
	{
		again = false;
		while (in->length > 0 && omni_is_blank(in->data[0]))
		{
			in->data++;
			in->length--;
		}
		while (in->length > 0 && (omni_is_blank(in->data[in->length - 1]) ||
								  in->data[in->length - 1] == ',' || in->data[in->length - 1] == ';'))
			in->length--;
		if (in->length > lengthof(scheme) - 1)
		{
			int			i = 0;

			while (i < lengthof(scheme) - 1 && (in->data[i] | 0x20) == ((codepoint) scheme[i] | 0x20))
				i++;
			if (i == lengthof(scheme) - 1)
			{
				in->data += i;
				in->length -= i;
				again = true;
				for (int j = 0; j < in->length; j++)
				{
					if (in->data[j] == '?')
						in->length = j;
				}
			}
		}
	}
}

/* Whether a character may stand in the part before @. */
static bool
is_local_char(codepoint c)
{
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-')
		return true;
	if (c < 0x80)
		return c != 0 && strchr("!#$%&'*+/=?^`{|}~", c) != NULL;
	return u_isalnum(c);
}

/* An internationalised domain in its ASCII form, length 0 when there is none. */
static int
ascii_domain(const codepoint *domain, int length, char *result, int size)
{
	UErrorCode	status = U_ZERO_ERROR;
	UIDNAInfo	info = UIDNA_INFO_INITIALIZER;
	UChar		buffer[OMNI_EMAIL_MAX * 2];
	UChar		converted[OMNI_EMAIL_MAX * 4];
	int32_t		n = 0;

	if (idna == NULL)
	{
		idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ, &status);
		if (U_FAILURE(status))
		{
			idna = NULL;
			return 0;
		}
	}
	for (int i = 0; i < length; i++)
		U16_APPEND_UNSAFE(buffer, n, domain[i]);
	n = uidna_nameToASCII(idna, buffer, n, converted, lengthof(converted), &info, &status);
	if (U_FAILURE(status) || info.errors != 0 || n >= size)
		return 0;
	for (int32_t i = 0; i < n; i++)
		result[i] = converted[i] < 0x80 ? converted[i] : '?';
	result[n] = '\0';
	return n;
}

/* Whether an ASCII domain has at least two good labels and a plausible last one. */
static bool
is_domain(const char *domain, int length)
{
	int			labels = 0;
	int			start = 0;

	if (length > DOMAIN_MAX)
		return false;
	for (int i = 0; i <= length; i++)
	{
		char		c = i < length ? domain[i] : '.';

		if (c == '.')
		{
			if (i == start || i - start > LABEL_MAX || domain[start] == '-' || domain[i - 1] == '-')
				return false;
			labels++;
			if (i < length)
				start = i + 1;
		}
		else if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return labels >= 2 && length - start >= 2 && domain[start] >= 'a';
}

/* Drops "+tag", and for Gmail the dots; returns the new length. */
static int
canonical_local(codepoint *local, int length, bool gmail)
{
	int			n = 0;

	for (int i = 1; i < length; i++)
	{
		if (local[i] == '+')
			length = i;
	}
	if (!gmail)
		return length;
	for (int i = 0; i < length; i++)
	{
		if (local[i] != '.')
			local[n++] = local[i];
	}
	return n;
}

/* Domain part: lower case, ASCII; 0 when it is none. */
static int
read_domain(const codepoint *domain, int length, char *result, int size)
{
	bool		ascii = true;

	for (int i = 0; i < length && ascii; i++)
		ascii = domain[i] < 0x80;
	if (length <= 0 || length >= size)
		return 0;
	if (ascii)
	{
		for (int i = 0; i < length; i++)
			result[i] = domain[i] >= 'A' && domain[i] <= 'Z' ? domain[i] | 0x20 : domain[i];
		result[length] = '\0';
	}
	else
		length = ascii_domain(domain, length, result, size);
	if (length == 0 || !is_domain(result, length))
		return 0;
	if (strcmp(result, "googlemail.com") == 0)
		length = strlcpy(result, "gmail.com", size);
	return length;
}

/*
 * normalize_email(text) returns text: the address trimmed, in lower case, with
 * mailto: and angle brackets gone, "+tag" removed, at Gmail the dots too;
 * internationalised domains in their ASCII form.  Typing errors are not mended.
 * Result: NULL unless it is one address: one @, sane characters, a dotted
 * domain whose last label starts with a letter, no dot at an end or doubled,
 * at most 64 characters before the @, 320 in all.
 */
Datum
omnicrm_normalize_email(PG_FUNCTION_ARGS)
{
	Chars		in;
	char		domain[OMNI_EMAIL_MAX + 1];
	codepoint	local[OMNI_EMAIL_MAX + DOMAIN_MAX + 2];
	int			at = -1;
	int			n;
	int			domain_length;

	if (!omni_chars(PG_GETARG_DATUM(0), OMNI_EMAIL_MAX, &in))
		PG_RETURN_NULL();
	n = 0;
	for (int i = 0; i < in.length; i++)
	{
		if (!omni_is_invisible(in.data[i]))
			in.data[n++] = in.data[i];
	}
	in.length = n;
	unwrap(&in);
	for (int i = 0; i < in.length; i++)
	{
		if (in.data[i] == '@' || in.data[i] == 0xFF20)
		{
			if (at >= 0)
				PG_RETURN_NULL();
			at = i;
		}
	}
	if (at < 1 || at > LOCAL_MAX)
		PG_RETURN_NULL();
	for (int i = 0; i < at; i++)
	{
		local[i] = in.data[i] < 0x80 ? (codepoint) pg_ascii_tolower(in.data[i]) : (codepoint) u_tolower(in.data[i]);
		if (!is_local_char(local[i]) || (local[i] == '.' && (i == 0 || i == at - 1 || local[i - 1] == '.')))
			PG_RETURN_NULL();
	}
	domain_length = read_domain(in.data + at + 1, in.length - at - 1, domain, sizeof(domain));
	if (domain_length == 0)
		PG_RETURN_NULL();
	n = canonical_local(local, at, strcmp(domain, "gmail.com") == 0);
	if (n == 0 || local[n - 1] == '.')
		PG_RETURN_NULL();
	local[n++] = '@';
	for (int i = 0; i < domain_length; i++)
		local[n++] = domain[i];
	{
		text	   *result = omni_chars_to_text(local, n);

		if (result == NULL)
			PG_RETURN_NULL();
		PG_RETURN_TEXT_P(result);
	}
}
