/*
 * testing_scene.h - a device and a folder that plays its host: what backup and restore tests share
 */
#ifndef REHOME_SIM_TESTING_SCENE_H
#define REHOME_SIM_TESTING_SCENE_H

#include "sim/testing_host.h"

/** struct scene - a device, a host, and the last answer */
struct scene {
	struct place *place;
	struct sim_device *device;
	struct folder_host host;
	struct sim_answer answer;
};

static inline struct scene scene_set(void **state, struct sim_birth birth)
{
	struct scene scene = {.place = *state};
	char path[256];

	if (!birth.seed)
		birth.seed = 7;
	scene.device = device_born(*state, "device", birth);
	folder_host_init(&scene.host, place_path(*state, "host", path));
	return scene;
}

static inline int back_up(struct scene *scene, bool is_full)
{
	struct err err = ERR_INIT;

	scene->host.files = scene->host.bytes = 0;
	return sim_device_backup(scene->device, &scene->host.host, NULL, is_full, &scene->answer,
				 &err);
}

static inline void backs_up(struct scene *scene, bool is_full)
{
	assert_int_equal(back_up(scene, is_full), 0);
	if (scene->answer.code != 0)
		fail_msg("%s", scene->answer.text);
}

static const char *at_host(const struct scene *scene, const char *name, char out[512])
{
	snprintf(out, 512, "%s/%s/%s", scene->host.root, sim_device_identity(scene->device)->udid,
		 name);
	return out;
}

/* every promise of the format, by the reader that the simulator does not share */
static inline void note_finding(void *arg, const struct backup_finding *finding)
{
	if (finding->severity == BACKUP_PROBLEM) {
		print_message("%s: %s: %s\n", finding->promise, finding->path ? finding->path : "-",
			      finding->text);
		(*(unsigned *)arg)++;
	}
}

static inline void assert_verifies(const struct scene *scene, const struct secret *password)
{
	struct backup_tree *tree = NULL;
	struct backup_verdict verdict = {0};
	struct err err = ERR_INIT;
	unsigned problems = 0;
	char folder[512];

	snprintf(folder, sizeof(folder), "%s/%s", scene->host.root,
		 sim_device_identity(scene->device)->udid);
	assert_int_equal(backup_tree_folder(&tree, folder, &err), 0);
	if (backup_verify(tree, password, note_finding, &problems, NULL, NULL, &verdict, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(problems, 0);
	assert_true(verdict.files > 0 && verdict.is_decrypted_check);
	backup_tree_close_p(&tree);
}

static inline int restore(struct scene *from, struct sim_device *target,
			  struct sim_restore_options options, struct sim_answer *answer)
{
	struct err err = ERR_INIT;

	return sim_device_restore(target, &from->host.host, sim_device_identity(from->device)->udid,
				  &options, answer, &err);
}

static inline void assert_same_content(struct sim_device *one, struct sim_device *other)
{
	uint8_t a[CRYPTO_SHA256_LEN], b[CRYPTO_SHA256_LEN];

	assert_int_equal(sim_device_digest(one, a, NULL), 0);
	assert_int_equal(sim_device_digest(other, b, NULL), 0);
	assert_memory_equal(a, b, sizeof(a));
}

static inline void scene_end(struct scene *scene)
{
	sim_device_close(scene->device);
}

static const struct sim_restore_options everything = {.system_files = true,
						      .remove_not_restored = true};

#endif
