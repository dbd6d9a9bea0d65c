/*
 * hex.h
 *		The text of types that are bytes.
 */
#ifndef OMNICRM_COMMON_HEX_H
#define OMNICRM_COMMON_HEX_H

extern char *omni_hex_text(const struct varlena *value);

#endif							/* OMNICRM_COMMON_HEX_H */
