/* command_ls - a device's files: ls lists them, cat prints one */
#include "sim/device.h"

#include <stdlib.h>
#include <string.h>

enum { PART_LEN = 256 << 10 };

static void list_row(FILE *out, const struct sim_file *file)
{
	char when[21], kind = file->row.flags == 2 ? 'd' : file->row.flags == 4 ? 'l' : '-';

	fprintf(out, "%c %04o %12llu %s %s/%s", kind, file->row.mode & 07777,
		(unsigned long long)file->row.size, time_format_utc(file->row.modified, when),
		file->row.domain, file->row.path);
	if (file->row.target)
		fprintf(out, " -> %s", file->row.target);
	fputc('\n', out);
}

static int list(struct sim_world *world, struct sim_device *device, struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = NULL;
	struct sim_file file;
	int r = sim_files_open(&files, device, err);

	if (r == 0)
		r = sim_files_rewind(files, SIM_FILES_NAME, err);
	while (r == 0 && (r = cancel_check(world->cancel, err)) == 0 &&
	       (r = sim_files_next(files, &file, err)) == 0)
		list_row(world->out, &file);
	return r < 0 ? r : 0;
}

static int print_content(FILE *out, struct sim_device *device, const struct sim_file *file,
			 struct err *err)
{
	CLEANUP(sim_content_free_p) struct sim_content *content = NULL;
	CLEANUP(free_p) uint8_t *part = malloc(PART_LEN);
	uint64_t offset = 0;
	int r = part ? sim_content_new(&content, device, err) : err_no_memory(err);

	if (r == 0)
		r = sim_content_open(content, file, err);
	while (r == 0 && offset < file->row.size) {
		uint64_t left = file->row.size - offset;
		size_t len = left < PART_LEN ? (size_t)left : PART_LEN;

		r = sim_content_read(content, offset, part, len, err);
		if (r == 0 && fwrite(part, 1, len, out) != len)
			return err_set(err, ERR_IO, "cannot write to standard output");
		offset += len;
	}
	return r;
}

/* @name: DOMAIN/PATH; a domain has no slash */
static int cat(struct sim_world *world, struct sim_device *device, const char *name,
	       struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = NULL;
	const char *slash = strchr(name, '/');
	char domain[BACKUP_DOMAIN_LEN_MAX + 1], file_id[41];
	struct sim_file file;
	int r;

	if (!slash || slash - name > BACKUP_DOMAIN_LEN_MAX)
		return err_set(err, ERR_USAGE, "%s: name a file as DOMAIN/PATH", name);
	snprintf(domain, sizeof(domain), "%.*s", (int)(slash - name), name);
	backup_file_id(domain, slash + 1, file_id);
	r = sim_files_open(&files, device, err);
	if (r == 0)
		r = sim_files_find(files, file_id, &file, err);
	if (r == SIM_FILES_ABSENT)
		return err_set(err, ERR_NOT_FOUND, "the device has no %s", name);
	if (r == 0 && !backup_file_is_regular(&file.row))
		return err_set(err, ERR_USAGE, "%s is not a regular file", name);
	return r < 0 ? r : print_content(world->out, device, &file, err);
}

static int run(struct sim_world *world, const char *folder, const char *name)
{
	struct sim_device *device = NULL;
	struct err err = ERR_INIT;
	int r = sim_device_open(&device, folder, &err);

	if (r == 0)
		r = name ? cat(world, device, name, &err) : list(world, device, &err);
	sim_device_close(device);
	if (r == 0 && fflush(world->out) != 0)
		r = err_set(&err, ERR_IO, "cannot write to standard output");
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}

static int wrong_words(struct sim_world *world, int argc, char **argv, const char *help)
{
	bool wants_help = argc == 2 && !strcmp(argv[1], "--help");

	fputs(help, wants_help ? world->out : world->err);
	return wants_help ? 0 : 2;
}

int sim_command_ls(struct sim_world *world, int argc, char **argv)
{
	if (argc != 2 || argv[1][0] == '-')
		return wrong_words(world, argc, argv, "usage: rehome-sim ls DIR\n");
	return run(world, argv[1], NULL);
}

int sim_command_cat(struct sim_world *world, int argc, char **argv)
{
	if (argc != 3 || argv[1][0] == '-')
		return wrong_words(world, argc, argv, "usage: rehome-sim cat DIR DOMAIN/PATH\n");
	return run(world, argv[1], argv[2]);
}
