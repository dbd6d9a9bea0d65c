/*
 * compat.h
 *		The one place that knows differences between PostgreSQL 15 and later.
 */
#ifndef OMNICRM_COMPAT_H
#define OMNICRM_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "omnicrm needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 160000
/* palloc_object and palloc_array came with 16 */
#ifndef palloc_object
#define palloc_object(type) ((type *) palloc(sizeof(type)))
#define palloc0_object(type) ((type *) palloc0(sizeof(type)))
#define palloc_array(type, count) ((type *) palloc(sizeof(type) * (count)))
#define palloc0_array(type, count) ((type *) palloc0(sizeof(type) * (count)))
#endif
#endif

/* BufFileReadExact() came with 16 */
#if PG_VERSION_NUM < 160000
#define BufFileReadExact(file, pointer, size) \
	do { \
		if (BufFileRead((file), (pointer), (size)) != (size)) \
			ereport(ERROR, (errcode_for_file_access(), errmsg("could not read from temporary file"))); \
	} while (0)
#endif

/* pg_noreturn came with 18, in place of pg_attribute_noreturn() */
#if PG_VERSION_NUM < 180000
#define pg_noreturn	__attribute__((noreturn))
#endif

/*
 * A function compiled several times: for any processor, for those that have vectors of
 * 32 bytes and, where the compiler knows them, for those that have the instructions
 * of AVX-512; the loader chooses.
 */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#if __GNUC__ >= 12
#define OMNI_VECTOR_CLONES	__attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define OMNI_VECTOR_CLONES	__attribute__((target_clones("avx2", "default")))
#endif
#else
#define OMNI_VECTOR_CLONES
#endif

/* Asks for the two cache lines at an address before they are needed. */
#if defined(__GNUC__)
#define OMNI_PREFETCH(address) \
	do { \
		__builtin_prefetch(address); \
		__builtin_prefetch((const char *) (address) + 63); \
	} while (0)
#define OMNI_PREFETCH_LINE(address) __builtin_prefetch(address)
#else
#define OMNI_PREFETCH(address) ((void) 0)
#define OMNI_PREFETCH_LINE(address) ((void) 0)
#endif

#endif							/* OMNICRM_COMPAT_H */
