/*
 * match_files.c
 *		Temporary files that this process and parallel workers share.
 */
#include "postgres.h"

#include <fcntl.h>

#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match_job.h"

static void
file_name(char *name, Size size, const char *kind, int number)
{
	snprintf(name, size, "%s.%d", kind, number);
}

static void
delete_files(void *argument)
{
	MatchFiles *files = argument;

	if (files->there)
		FileSetDeleteAll(&files->set);
	files->there = false;
}

/*
 * omni_match_make_files: room for files, which go with the context at the latest.
 */
MatchFiles *
omni_match_make_files(MemoryContext context)
{
	MatchFiles *files = MemoryContextAllocZero(context, sizeof(MatchFiles));

	FileSetInit(&files->set);
	files->there = true;
	files->clean_up.func = delete_files;
	files->clean_up.arg = files;
	MemoryContextRegisterResetCallback(context, &files->clean_up);
	return files;
}

/*
 * omni_match_free_files: deletes the files.
 */
void
omni_match_free_files(MatchFiles *files)
{
	delete_files(files);
}

/*
 * omni_match_create_file: a new file, for its maker to write, as long as the set is
 * where it is; others see it once it is exported.
 */
BufFile *
omni_match_create_file(const FileSet *set, const char *kind, int number)
{
	char		name[64];

	file_name(name, sizeof(name), kind, number);
	return BufFileCreateFileSet(unconstify(FileSet *, set), name);
}

/*
 * omni_match_open_file: opens a file that somebody made, for reading.
 */
BufFile *
omni_match_open_file(const FileSet *set, const char *kind, int number)
{
	char		name[64];

	file_name(name, sizeof(name), kind, number);
	return BufFileOpenFileSet(unconstify(FileSet *, set), name, O_RDONLY, false);
}
