/* device_apply - the end of a restore: what was staged becomes the device's own */
#include "sim/device_restore.h"
#include "sim/mechanism.h"

#include <string.h>

static int apply_row(struct sim_restore *restore, const struct sim_file *staged, struct err *err)
{
	struct sim_files *files = restore->run.files;
	struct sim_file file = *staged, own;
	int r = sim_files_find(files, staged->row.file_id, &own, err);

	if (r < 0)
		return r;
	if (r == SIM_FILES_ABSENT)
		return sim_files_insert(files, &file, err);
	file.id = own.id;
	file.revision = own.revision + 1;
	return sim_files_update(files, &file, err);
}

static int remove_others(struct sim_restore *restore, struct err *err)
{
	CLEANUP(sim_list_free_p) struct sim_list *list = NULL;
	struct sim_files *files = restore->run.files;
	struct sim_file own, staged;
	struct sim_item item;
	int r = sim_list_new(&list, restore->run.device, err);

	if (r == 0)
		r = sim_files_rewind(files, SIM_FILES_BORN, err);
	while (r == 0 && (r = sim_files_next(files, &own, err)) == 0) {
		if (!sim_restore_domain_comes(restore, own.row.domain) ||
		    sim_restore_is_kept(restore, &own.row) ||
		    !sim_file_is_backed_up(restore->run.device, &own.row))
			continue;
		r = sim_files_find(restore->staged, own.row.file_id, &staged, err);
		item = (struct sim_item){.id = own.id};
		if (r == SIM_FILES_ABSENT)
			r = sim_list_add(list, &item, err);
	}
	if (r >= 0)
		r = sim_list_rewind(list, err);
	while (r == 0 && (r = sim_list_next(list, &item, err)) == 0)
		r = sim_files_remove(files, item.id, err);
	return r < 0 ? r : 0;
}

/* the host brings the apps back by RestoreApplications.plist; the home screen knows them by their
 * containers */
static int restore_apps(struct sim_restore *restore, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist_limits limits = PLIST_LIMITS_FILE;
	const struct plist *root, *apps;
	int r = plist_doc_new(&doc, err);

	if (r == 0)
		r = plist_parse(doc, buf_slice(&restore->manifest_plist), &limits, &root, err);
	if (r < 0)
		return r;
	apps = plist_get_dict(root, "Applications");
	for (const struct plist *app = apps ? apps->as.items.first : NULL; app && r == 0;
	     app = app->next) {
		const char *bundle = plist_get_text(app, "CFBundleIdentifier"),
			   *version = plist_get_text(app, "CFBundleVersion");
		const char *content_class = plist_get_text(app, "ContainerContentClass");
		struct sim_app one = {.version = "1.0"};

		if (!bundle || strlen(bundle) >= sizeof(one.bundle) ||
		    (content_class && strcmp(content_class, "Data/Application")))
			continue;
		snprintf(one.bundle, sizeof(one.bundle), "%s", bundle);
		snprintf(one.name, sizeof(one.name), "%.127s", bundle);
		if (version)
			snprintf(one.version, sizeof(one.version), "%.31s", version);
		r = sim_app_put(restore->run.device, &one, err);
	}
	return r;
}

static int remember(struct sim_restore *restore, struct err *err)
{
	struct sim_device *device = restore->run.device;
	int r = sim_fact_put_int(device, "restores_done",
				 sim_fact_int(device, "restores_done", 0) + 1, err);

	if (r == 0)
		r = sim_fact_put(device, "last_restore/source", restore->properties.udid, err);
	if (r == 0)
		r = sim_fact_put_int(device, "last_restore/same_device", restore->is_same_device,
				     err);
	if (r == 0)
		r = sim_fact_put_int(device, "last_restore/files", (int64_t)restore->files_done,
				     err);
	if (r == 0 && restore->options->should_reboot)
		r = sim_fact_put_int(device, "reboots", sim_fact_int(device, "reboots", 0) + 1,
				     err);
	return r;
}

static int settle_management(struct sim_restore *restore, struct err *err)
{
	const struct sim_restored restored = {
		.is_same_hardware = restore->is_same_device,
		.is_plain = !restore->properties.is_encrypted,
		.was_set_up = restore->state.setup_is_done,
		.system_files = restore->options->system_files,
		.was_supervised = restore->state.is_supervised,
	};
	int r = sim_fact_put_int(restore->run.device, "setup/pane_is_used", 1, err);

	return r < 0 ? r : sim_mechanism_run(restore->run.device, &restored, err);
}

int sim_restore_apply(struct sim_restore *restore, struct err *err)
{
	struct sim_files *files = restore->run.files;
	struct sim_file staged;
	int r = sim_pack_finish(&restore->pack, err);

	if (r == 0)
		r = sim_files_begin(files, true, err);
	if (r == 0)
		r = sim_files_rewind(restore->staged, SIM_FILES_BORN, err);
	while (r == 0 && (r = sim_files_next(restore->staged, &staged, err)) == 0)
		r = apply_row(restore, &staged, err);
	if (r >= 0)
		r = restore->options->remove_not_restored ? remove_others(restore, err) : 0;
	if (r == 0)
		r = sim_files_commit(files, err);
	if (r == 0)
		r = restore_apps(restore, err);
	if (r == 0)
		r = sim_packs_sweep(restore->run.device, files, err);
	if (r == 0)
		r = remember(restore, err);
	return r < 0 ? r : settle_management(restore, err);
}
