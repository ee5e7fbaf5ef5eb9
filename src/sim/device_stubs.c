/*
 * device_stubs - the folder of profiles: its property lists, the stubs, and the list of them
 *
 * One stub for each installed profile, named by the digest of its identifier.
 */
#include "sim/management.h"

#include <string.h>

#define MANIFEST_PATH SIM_PROFILES_FOLDER "/PayloadManifest.plist"

enum { FILE_LEN_MAX = 1 << 20 };

/* ---- files ---- */

const struct plist *sim_profiles_load(struct sim_device *device, const char *path,
				      struct plist_doc *doc)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(FILE_LEN_MAX);
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *root;

	if (sim_file_load(device, SIM_PROFILES_DOMAIN, path, &bytes, NULL) != 0)
		return NULL;
	return plist_parse(doc, buf_slice(&bytes), &limits, &root, NULL) == 0 &&
			       root->type == PLIST_DICT
		       ? root
		       : NULL;
}

int sim_profiles_store(struct sim_device *device, const char *path, const struct plist *root,
		       struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(FILE_LEN_MAX);
	int r = plist_doc_new(&doc, err);

	if (r == 0)
		r = plist_write_binary(doc, plist_copy(doc, root), &bytes, err);
	return r < 0 ? r
		     : sim_file_store(device, SIM_PROFILES_DOMAIN, path, buf_slice(&bytes), err);
}

int sim_profiles_drop(struct sim_device *device, const char *path, struct err *err)
{
	int r = sim_file_delete(device, SIM_PROFILES_DOMAIN, path, err);

	return r < 0 ? r : 0;
}

void sim_profiles_stub_path(const char *identifier, char out[SIM_STUB_PATH_LEN])
{
	uint8_t digest[CRYPTO_SHA256_LEN];
	char hex[2 * CRYPTO_SHA256_LEN + 1];

	crypto_sha256(slice_text(identifier), digest);
	hex_encode(digest, sizeof(digest), hex);
	snprintf(out, SIM_STUB_PATH_LEN, SIM_PROFILES_FOLDER "/profile-%s.stub", hex);
}

/* ---- all of them ---- */

static bool is_stub(const char *path)
{
	static const char prefix[] = SIM_PROFILES_FOLDER "/profile-";
	size_t len = strlen(path);

	return !strncmp(path, prefix, sizeof(prefix) - 1) && len > 5 &&
	       !strcmp(path + len - 5, ".stub");
}

int sim_profiles_stubs(struct sim_device *device, struct plist_doc *doc, struct plist *paths,
		       struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = NULL;
	struct sim_file file;
	int r = sim_files_open(&files, device, err);

	if (r == 0)
		r = sim_files_rewind_domain(files, SIM_PROFILES_DOMAIN, err);
	while (r == 0 && (r = sim_files_next(files, &file, err)) == 0)
		if (is_stub(file.row.path))
			plist_add(doc, paths, plist_new_text(doc, file.row.path));
	return r < 0 ? r : 0;
}

int sim_profiles_manifest(struct sim_device *device, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *paths, *manifest, *ordered;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	paths = plist_new_array(doc);
	manifest = plist_new_dict(doc);
	ordered = plist_new_array(doc);
	r = sim_profiles_stubs(device, doc, paths, err);
	for (const struct plist *path = paths->as.items.first; path; path = path->next) {
		const struct plist *stub = sim_profiles_load(device, plist_text(path), doc);
		const char *identifier = plist_get_text(stub, "PayloadIdentifier");

		if (identifier)
			plist_add(doc, ordered, plist_new_text(doc, identifier));
	}
	plist_set(doc, manifest, "OrderedProfiles", ordered);
	plist_set(doc, manifest, "HiddenProfiles", plist_new_array(doc));
	return r < 0 ? r : sim_profiles_store(device, MANIFEST_PATH, manifest, err);
}

int sim_profiles_remove_all(struct sim_device *device, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *paths;
	int r = sim_enrollment_remove(device, err);

	if (r == 0)
		r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	paths = plist_new_array(doc);
	r = sim_profiles_stubs(device, doc, paths, err);
	if (r < 0 || !paths->as.items.first)
		return r;
	for (const struct plist *path = paths->as.items.first; r == 0 && path; path = path->next)
		r = sim_profiles_drop(device, plist_text(path), err);
	return r < 0 ? r : sim_profiles_manifest(device, err);
}
