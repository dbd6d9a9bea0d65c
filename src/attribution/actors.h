/*
 * actors.h
 *		Names of actors (channels, employees) as small numbers.
 */
#ifndef OMNICRM_ACTORS_H
#define OMNICRM_ACTORS_H

#include "postgres.h"

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

#endif							/* OMNICRM_ACTORS_H */
