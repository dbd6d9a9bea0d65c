/*
 * fold_table.h
 *		Folded form of Latin letters: U+00A0..U+024F and U+1E00..U+1EFF, lower
 *		case, without marks, in ASCII.  A blank separates words, an empty entry
 *		vanishes.  Included by fold.c only.
 */
#ifndef OMNICRM_FOLD_TABLE_H
#define OMNICRM_FOLD_TABLE_H

static const char fold_latin[0x250 - 0xA0][4] = {
	" ", " ", " ", " ", " ", " ", " ", " ", " ", " ", "a", " ", " ", "", " ", " ", " ", " ", "2", "3", "",
	"u", " ", "", " ", "1", "o", " ", "14", "12", "34", " ", "a", "a", "a", "a", "a", "a", "ae", "c", "e",
	"e", "e", "e", "i", "i", "i", "i", "d", "n", "o", "o", "o", "o", "o", " ", "o", "u", "u", "u", "u", "y",
	"th", "ss", "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", "d", "n",
	"o", "o", "o", "o", "o", " ", "o", "u", "u", "u", "u", "y", "th", "y", "a", "a", "a", "a", "a", "a", "c",
	"c", "c", "c", "c", "c", "c", "c", "d", "d", "d", "d", "e", "e", "e", "e", "e", "e", "e", "e", "e", "e",
	"g", "g", "g", "g", "g", "g", "g", "g", "h", "h", "h", "h", "i", "i", "i", "i", "i", "i", "i", "i", "i",
	"i", "ij", "ij", "j", "j", "k", "k", "q", "l", "l", "l", "l", "l", "l", "l", "l", "l", "l", "n", "n",
	"n", "n", "n", "n", "n", "n", "n", "o", "o", "o", "o", "o", "o", "oe", "oe", "r", "r", "r", "r", "r",
	"r", "s", "s", "s", "s", "s", "s", "s", "s", "t", "t", "t", "t", "t", "t", "u", "u", "u", "u", "u", "u",
	"u", "u", "u", "u", "u", "u", "w", "w", "y", "y", "y", "z", "z", "z", "z", "z", "z", "s", "b", "b", "b",
	"b", "b", "b", "o", "c", "c", "d", "d", "d", "d", "d", "e", "e", "e", "f", "f", "g", "g", "hv", "i", "i",
	"k", "k", "l", "l", "m", "n", "n", "o", "o", "o", "gh", "gh", "p", "p", "r", "s", "s", "s", "s", "t",
	"t", "t", "t", "u", "u", "u", "v", "y", "y", "z", "z", "z", "z", "z", "z", " ", "s", "s", "ts", "w", " ",
	" ", " ", " ", "dz", "dz", "dz", "lj", "lj", "lj", "nj", "nj", "nj", "a", "a", "i", "i", "o", "o", "u",
	"u", "u", "u", "u", "u", "u", "u", "u", "u", "e", "a", "a", "a", "a", "ae", "ae", "g", "g", "g", "g",
	"k", "k", "o", "o", "o", "o", "z", "z", "j", "dz", "dz", "dz", "g", "g", "hv", "w", "n", "n", "a", "a",
	"ae", "ae", "o", "o", "a", "a", "a", "a", "e", "e", "e", "e", "i", "i", "i", "i", "o", "o", "o", "o",
	"r", "r", "r", "r", "u", "u", "u", "u", "s", "s", "t", "t", "y", "y", "h", "h", "n", "d", "ou", "ou",
	"z", "z", "a", "a", "e", "e", "o", "o", "o", "o", "o", "o", "o", "o", "y", "y", "l", "n", "t", "j", "db",
	"qp", "a", "c", "c", "l", "t", "s", "z", "", "", "b", "u", "v", "e", "e", "j", "j", "q", "q", "r", "r",
	"y", "y"
};

static const char fold_latin_additional[0x100][4] = {
	"a", "a", "b", "b", "b", "b", "b", "b", "c", "c", "d", "d", "d", "d", "d", "d", "d", "d", "d", "d", "e",
	"e", "e", "e", "e", "e", "e", "e", "e", "e", "f", "f", "g", "g", "h", "h", "h", "h", "h", "h", "h", "h",
	"h", "h", "i", "i", "i", "i", "k", "k", "k", "k", "k", "k", "l", "l", "l", "l", "l", "l", "l", "l", "m",
	"m", "m", "m", "m", "m", "n", "n", "n", "n", "n", "n", "n", "n", "o", "o", "o", "o", "o", "o", "o", "o",
	"p", "p", "p", "p", "r", "r", "r", "r", "r", "r", "r", "r", "s", "s", "s", "s", "s", "s", "s", "s", "s",
	"s", "t", "t", "t", "t", "t", "t", "t", "t", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "v", "v",
	"v", "v", "w", "w", "w", "w", "w", "w", "w", "w", "w", "w", "x", "x", "x", "x", "y", "y", "z", "z", "z",
	"z", "z", "z", "h", "t", "w", "y", "a", "s", "s", "s", "ss", "d", "a", "a", "a", "a", "a", "a", "a", "a",
	"a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "e", "e", "e", "e", "e",
	"e", "e", "e", "e", "e", "e", "e", "e", "e", "e", "e", "i", "i", "i", "i", "o", "o", "o", "o", "o", "o",
	"o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "o", "u", "u", "u",
	"u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "u", "y", "y", "y", "y", "y", "y", "y", "y", "ll",
	"ll", "v", "v", "y", "y"
};

#endif							/* OMNICRM_FOLD_TABLE_H */
