/*
 * phone.h
 *		libphonenumber behind C.  Neither side of this border raises anything
 *		across it: no C++ exception leaves the shim, and the shim calls nothing of
 *		the server.
 */
#ifndef OMNICRM_SHIM_PHONE_H
#define OMNICRM_SHIM_PHONE_H

#ifdef __cplusplus
extern "C"
{
#endif

typedef enum OmniPhoneStatus
{
	OMNI_PHONE_POSSIBLE = 0,	/* number written to the buffer */
	OMNI_PHONE_IMPOSSIBLE = 1,	/* no number, or too short or too long for its country */
	OMNI_PHONE_FAILED = 2		/* an exception inside the library */
} OmniPhoneStatus;

extern OmniPhoneStatus omni_phone_e164(const char *number, int length, const char *region,
									   char *result, int result_size);

#ifdef __cplusplus
}
#endif

#endif							/* OMNICRM_SHIM_PHONE_H */
