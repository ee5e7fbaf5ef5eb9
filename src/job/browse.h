/* job/browse - an opened backup, as listing, extracting and comparing share it */
#ifndef REHOME_JOB_BROWSE_H
#define REHOME_JOB_BROWSE_H

#include "job/internal.h"

struct job_browse {
	struct repo_view *view; /* NULL: a folder */
	struct backup_tree *tree;
	struct backup_reader reader;
	struct job_snapshot about;
	char name[JOB_TEXT_MAX]; /* of the backup, for messages */
};

/** browse_type - 'd' folder, 'l' link, '-' file; '?' for what is none of them */
char browse_type(const struct backup_file *file);
/**
 * browse_is_of_app - is @domain a container of the app @bundle, by their names?
 * Its own, those of its extensions (BUNDLE.*), and the groups that carry its name behind "group."
 * or a team's id; a group of another name cannot be told.
 */
bool browse_is_of_app(const char *domain, const char *bundle);

#endif
