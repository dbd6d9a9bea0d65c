/*
 * phone.cpp
 *		libphonenumber behind C, see phone.h.
 */
#include <cstring>
#include <string>

#include <phonenumbers/logger.h>
#include <phonenumbers/phonenumberutil.h>

#include "shim/phone.h"

using i18n::phonenumbers::Logger;
using i18n::phonenumbers::NullLogger;
using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

/*
 * The library's only instance. It logs to standard output unless told not to,
 * and a backend's standard output is the server log.
 */
static const PhoneNumberUtil *
library()
{
	static const PhoneNumberUtil *instance = nullptr;

	if (instance == nullptr)
	{
		instance = PhoneNumberUtil::GetInstance();
		Logger::set_logger_impl(new NullLogger());
	}
	return instance;
}

/* E.164 form of a possible number, or "". */
static std::string
e164(const std::string &number, const std::string &region)
{
	PhoneNumber parsed;
	std::string formatted;

	if (library()->Parse(number, region, &parsed) == PhoneNumberUtil::NO_PARSING_ERROR &&
		library()->IsPossibleNumberWithReason(parsed) == PhoneNumberUtil::IS_POSSIBLE)
		library()->Format(parsed, PhoneNumberUtil::E164, &formatted);
	return formatted;
}

/*
 * Writes the E.164 form of a number to the buffer.
 * number, length: UTF-8 or ASCII; region: two capital letters, or "" for none,
 * and then only a number with "+" is understood.
 */
extern "C" OmniPhoneStatus
omni_phone_e164(const char *number, int length, const char *region, char *result, int result_size)
{
	try
	{
		std::string formatted = e164(std::string(number, length), *region ? region : "ZZ");

		/*
		 * The library leaves prefixes in some numbers that it takes away when it
		 * reads its own result: read until nothing changes.
		 */
		for (int i = 0; i < 20 && !formatted.empty(); i++)
		{
			std::string again = e164(formatted, "ZZ");

			if (again == formatted)
				break;
			formatted = again;
		}
		if (formatted.empty() || static_cast<int>(formatted.size()) >= result_size)
			return OMNI_PHONE_IMPOSSIBLE;
		std::memcpy(result, formatted.c_str(), formatted.size() + 1);
		return OMNI_PHONE_POSSIBLE;
	}
	catch (...)
	{
		return OMNI_PHONE_FAILED;
	}
}
