/*
 * markov_inverse.c
 *		The fundamental matrix (I - Q)^-1 of an absorbing Markov chain.
 *
 * By halves: with Q = [A B; C D], the inverse N11 of the first half alone, the
 * chain watched only while it is in the second half has D + C N11 B in place of D
 * (censoring, or stochastic complementation: C. D. Meyer, SIAM Review 31, 1989),
 * and the four parts of the inverse follow by products.  The chance to leave a state
 * is never computed as one less the chance to stay, but as the sum of the chances
 * to go elsewhere (W. K. Grassmann, M. I. Taksar and D. P. Heyman, Operations
 * Research 33, 1985).  So nothing is ever subtracted: each element of the result
 * has a small relative error, however rare its state or slow the way out, and no
 * pivoting is needed.  A general LU factorisation promises neither.
 *
 * Nearly all work is in one product of matrices.  Its sums run in one order on all
 * machines, so results have the same bits everywhere.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/markov.h"
#include "common/compat.h"

/* a tile of the product that stays in registers, and blocks that stay in cache */
#define TILE_ROWS 8
#define TILE_COLUMNS 4
#define BLOCK_INNER 128
#define BLOCK_COLUMNS 256

/* the columns of a tile, as they stand in memory */
typedef double TileRow __attribute__((vector_size(TILE_COLUMNS * sizeof(double)), aligned(sizeof(double)), may_alias));

/* A part of a matrix, row by row; rows are so many elements apart. */
typedef struct Block
{
	double	   *at;
	Size		stride;
} Block;

static inline Block
part_of(Block block, uint32 row, uint32 column)
{
	Block		part = {block.at + row * block.stride + column, block.stride};

	return part;
}

/* Adds left * right to result where no whole tile fits. */
static void
add_edge(Block result, Block left, Block right, uint32 rows, uint32 inner, uint32 columns)
{
	for (uint32 i = 0; i < rows; i++)
		for (uint32 j = 0; j < columns; j++)
		{
			double		sum = 0;

			for (uint32 k = 0; k < inner; k++)
				sum += left.at[i * left.stride + k] * right.at[k * right.stride + j];
			result.at[i * result.stride + j] += sum;
		}
}

/* Adds left * right to result, both sizes of which are multiples of those of a tile. */
WIDE_CLONES static void
add_tiles(Block result, Block left, Block right, uint32 rows, uint32 inner, uint32 columns)
{
	for (uint32 i = 0; i < rows; i += TILE_ROWS)
		for (uint32 j = 0; j < columns; j += TILE_COLUMNS)
		{
			const double *a = left.at + i * left.stride;
			const double *b = right.at + j;
			TileRow		sums[TILE_ROWS] = {{0}};

			for (uint32 k = 0; k < inner; k++, b += right.stride)
				UNROLLED
				for (int row = 0; row < TILE_ROWS; row++)
					sums[row] += a[row * left.stride + k] * *(const TileRow *) b;
			UNROLLED
			for (int row = 0; row < TILE_ROWS; row++)
				*(TileRow *) (result.at + (i + row) * result.stride + j) += sums[row];
		}
}

/* Adds left (rows x inner) * right (inner x columns) to result. */
static void
add_product(Block result, Block left, Block right, uint32 rows, uint32 inner, uint32 columns)
{
	uint32		whole = rows - rows % TILE_ROWS;

	for (uint32 k = 0; k < inner; k += BLOCK_INNER)
		for (uint32 j = 0; j < columns; j += BLOCK_COLUMNS)
		{
			uint32		depth = Min(BLOCK_INNER, inner - k);
			uint32		width = Min(BLOCK_COLUMNS, columns - j);
			uint32		fits = width - width % TILE_COLUMNS;

			CHECK_FOR_INTERRUPTS();
			add_tiles(part_of(result, 0, j), part_of(left, 0, k), part_of(right, k, j), whole, depth, fits);
			add_edge(part_of(result, 0, j + fits), part_of(left, 0, k), part_of(right, k, j + fits),
					 whole, depth, width - fits);
			add_edge(part_of(result, whole, j), part_of(left, whole, k), part_of(right, k, j),
					 rows - whole, depth, width);
		}
}

static void
clear(Block block, uint32 rows, uint32 columns)
{
	for (uint32 i = 0; i < rows; i++)
		memset(block.at + i * block.stride, 0, columns * sizeof(double));
}

/*
 * Puts (I - Q)^-1 in the place of Q, whose diagonal is not looked at: exits[i] and
 * row i without the diagonal sum up to the chance to leave state i.  Destroys
 * exits[0 .. size).  room: omni_markov_inverse_room(size) elements.
 */
static void
invert(Block q, uint32 size, double *exits, double *room)
{
	uint32		first = size / 2;
	uint32		second = size - first;
	Block		right;
	Block		below;
	Block		corner;
	Block		middle;
	double	   *first_exits = room;

	if (size == 1)
	{
		q.at[0] = 1 / exits[0];
		return;
	}
	if (first > TILE_ROWS)
	{
		first -= first % TILE_ROWS;
		second = size - first;
	}
	right = part_of(q, 0, first);
	below = part_of(q, first, 0);
	corner = part_of(q, first, first);
	room += first;

	/* the first half alone: the second is a way out of it */
	for (uint32 i = 0; i < first; i++)
	{
		first_exits[i] = exits[i];
		for (uint32 j = 0; j < second; j++)
			first_exits[i] += right.at[i * right.stride + j];
	}
	invert(q, first, first_exits, room);

	/* the second half, with its ways through the first */
	middle.at = room;
	middle.stride = first;
	room += (Size) first * second;
	clear(middle, second, first);
	add_product(middle, below, q, second, first, first);
	add_product(corner, middle, right, second, first, second);
	for (uint32 i = 0; i < second; i++)
		for (uint32 j = 0; j < first; j++)
			exits[first + i] += middle.at[i * first + j] * exits[j];
	invert(corner, second, exits + first, room);

	/* the other parts of the inverse */
	clear(below, second, first);
	add_product(below, corner, middle, second, second, first);
	middle.stride = second;
	clear(middle, first, second);
	add_product(middle, q, right, first, first, second);
	add_product(q, middle, below, first, second, first);
	clear(right, first, second);
	add_product(right, middle, corner, first, second, second);
}

/* omni_markov_inverse_room: elements of working memory for a chain of so many states. */
Size
omni_markov_inverse_room(uint32 size)
{
	/* a half by a half, then the same of the larger part, which has up to 8 states more */
	return (Size) size * size / 2 + 64 * (Size) size + 1024;
}

/*
 * omni_markov_inverse(q, size, exits): replaces the matrix q of the chances to go
 * from one of size states to another (row by row) by (I - q)^-1, the mean numbers of
 * visits.  exits[i]: the chance of absorption from state i.  q_ii is not looked
 * at: whatever is missing from a row's sum of 1 is taken as staying.  Every
 * state must reach absorption, or elements are infinite.
 * Errors: out_of_memory.
 */
void
omni_markov_inverse(double *q, uint32 size, const double *exits)
{
	Block		whole = {q, size};
	double	   *room;
	double	   *own_exits;

	if (size == 0)
		return;
	room = MemoryContextAllocHuge(CurrentMemoryContext, omni_markov_inverse_room(size) * sizeof(double));
	own_exits = palloc_array(double, size);
	memcpy(own_exits, exits, size * sizeof(double));
	invert(whole, size, own_exits, room);
	pfree(own_exits);
	pfree(room);
}
