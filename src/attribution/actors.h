/*
 * actors.h
 *		Names of actors (channels, employees) as small numbers.
 */
#ifndef OMNICRM_ACTORS_H
#define OMNICRM_ACTORS_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/array.h"

#include "common/compat.h"

/* stands for no actor; never the number of one */
#define NO_ACTOR PG_UINT32_MAX

typedef struct Actors Actors;

extern Actors *omni_actors_make(MemoryContext context);
extern uint32 omni_actors_count(const Actors *actors);
extern Size omni_actors_bytes(const Actors *actors);
extern uint32 omni_actor_number(Actors *actors, const char *name, int length);
extern uint32 omni_actor_find(const Actors *actors, const char *name, int length);
extern const char *omni_actor_name(const Actors *actors, uint32 number, int *length);
extern uint32 *omni_actors_by_name(const Actors *actors);
extern uint32 *omni_actors_ranks(const Actors *actors);
extern uint32 *omni_actors_of_array(Actors *actors, ArrayType *array, int *count);
extern int	omni_distinct_actors(uint32 *numbers, int count);
extern void omni_actors_send(StringInfo buffer, const Actors *actors);
extern Actors *omni_actors_receive(StringInfo buffer, MemoryContext context);
pg_noreturn extern void omni_refuse_attribution_state(void);

#endif							/* OMNICRM_ACTORS_H */
