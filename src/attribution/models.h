/*
 * models.h
 *		The local attribution models: what each touch of one conversion weighs.
 */
#ifndef OMNICRM_ATTRIBUTION_MODELS_H
#define OMNICRM_ATTRIBUTION_MODELS_H

#include "attribution/options.h"

typedef enum AttributionModel
{
	MODEL_FIRST,
	MODEL_LAST,
	MODEL_LAST_NON,
	MODEL_LINEAR,
	MODEL_U_SHAPED,
	MODEL_W_SHAPED,
	MODEL_J_SHAPED,
	MODEL_INVERSE_J,
	MODEL_CUSTOM,
	MODEL_ROLE,
	MODEL_TIME_DECAY,
	MODEL_PARTICIPATION,
	MODEL_SAME_TOUCH,
	MODEL_SHAPLEY
} AttributionModel;

#define ATTRIBUTION_MODELS (MODEL_SHAPLEY + 1)

/* A touch as the models see it.  Numbers of actors and kinds start at 0. */
typedef struct ModelTouch
{
	TimestampTz at;
	int32		actor;
	int32		kind;			/* NO_NUMBER: none */
	int32		source;			/* the caller's own number of the touch */
	int32		repeats;		/* touches that "frequency" counts in this one, itself included */
} ModelTouch;

/* Where an actor was met first, in the round in which it was met last. */
typedef struct SeenActor
{
	uint32		round;
	int32		place;
} SeenActor;

/* Buffers that calls for one journey after the other share. */
typedef struct ModelWorkspace
{
	MemoryContext context;
	SeenActor  *seen;			/* one for each actor */
	uint32		round;
	int			actors;
	uint128    *weights;		/* for the split of amounts */
	int128	   *shares;
	int			touches;
} ModelWorkspace;

/* models.c */
extern AttributionModel omnicrm_attribution_model(const char *name, Size length);
extern const char *omnicrm_attribution_model_name(AttributionModel model);
extern ModelWorkspace *omnicrm_model_workspace(MemoryContext context);
extern void omnicrm_model_room(ModelWorkspace *work, int actors, int touches);
extern void omnicrm_model_new_round(ModelWorkspace *work);
extern uint64 omnicrm_model_weights(AttributionModel model, const AttributionOptions *options, ModelWorkspace *work,
									const ModelTouch *touches, int n, uint64 *weights);
extern void omnicrm_model_amounts(AttributionModel model, ModelWorkspace *work, int64 amount,
								  const uint64 *weights, int n, int64 *amounts);

/* path.c */
extern int	omnicrm_path_transform(const AttributionOptions *options, ModelWorkspace *work,
								   ModelTouch *touches, int n);

#endif							/* OMNICRM_ATTRIBUTION_MODELS_H */
