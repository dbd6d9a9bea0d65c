/*
 * varint.h
 *		Numbers in as few bytes as they need: seven bits a byte, the lowest first, the top
 *		bit of all but the last byte set.  One number has one form.
 */
#ifndef OMNICRM_VARINT_H
#define OMNICRM_VARINT_H

/* the most that a number takes */
#define VARINT_BYTES 10

/* Writes a number; where the next one goes. */
static inline char *
varint_put(char *at, uint64 value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (char) (0x80 | (value & 0x7F));
	*at++ = (char) value;
	return at;
}

/* Reads a number and moves on; false when the bytes up to the end are none. */
static inline bool
varint_get(const uint8 **at, const uint8 *end, uint64 *value)
{
	uint8		byte;
	int			shift = 0;

	*value = 0;
	do
	{
		/* nine bytes hold 63 bits, so the tenth has one */
		if (*at == end || shift > 63)
			return false;
		byte = *(*at)++;
		if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
			return false;
		*value |= (uint64) (byte & 0x7F) << shift;
		shift += 7;
	} while ((byte & 0x80) != 0);
	return true;
}

#endif							/* OMNICRM_VARINT_H */
