/*
 * note - our own words beside a snapshot
 *
 * A small property list that the repository keeps with a snapshot, so that a table of
 * snapshots needs no look into any backup.  Unknown keys are passed over: an older rehome
 * reads a newer note.
 */
#include "job/internal.h"

#include <string.h>

enum { NOTE_PROBLEMS_MAX = 100 };

static struct plist *enrollment_write(struct plist_doc *doc,
				      const struct job_enrollment *enrollment)
{
	struct plist *dict = plist_new_dict(doc);

	plist_set_text(doc, dict, "Service", enrollment->service);
	plist_set_text(doc, dict, "ID", enrollment->id);
	plist_set_text(doc, dict, "Topic", enrollment->topic);
	plist_set_text(doc, dict, "IdentitySHA256", enrollment->identity);
	plist_set_int(doc, dict, "Generation", enrollment->generation);
	return dict;
}

static void enrollment_read(const struct plist *dict, struct job_enrollment *out)
{
	text_copy(out->service, sizeof(out->service), plist_get_text(dict, "Service"));
	text_copy(out->id, sizeof(out->id), plist_get_text(dict, "ID"));
	text_copy(out->topic, sizeof(out->topic), plist_get_text(dict, "Topic"));
	text_copy(out->identity, sizeof(out->identity), plist_get_text(dict, "IdentitySHA256"));
	plist_get_int(dict, "Generation", &out->generation);
}

int note_write(const struct job_snapshot *snapshot, const struct job_problems *problems,
	       struct buf *out, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *note, *list;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	note = plist_new_dict(doc);
	plist_set_int(doc, note, "NoteVersion", 1);
	plist_set_text(doc, note, "UniqueDeviceID", snapshot->udid);
	plist_set_text(doc, note, "SerialNumber", snapshot->serial);
	plist_set_text(doc, note, "DeviceName", snapshot->name);
	plist_set_text(doc, note, "ProductType", snapshot->product_type);
	plist_set_text(doc, note, "ProductVersion", snapshot->product_version);
	plist_set_text(doc, note, "BuildVersion", snapshot->build);
	if (*snapshot->required_version)
		plist_set_text(doc, note, "RequiredProductVersion", snapshot->required_version);
	plist_set_bool(doc, note, "IsEncrypted", snapshot->is_encrypted);
	plist_set_bool(doc, note, "IsSimulated", snapshot->is_simulated);
	plist_set_bool(doc, note, "IsFullBackup", snapshot->is_full);
	plist_set_bool(doc, note, "IsImport", snapshot->is_import);
	if (snapshot->is_managed != JOB_UNKNOWN)
		plist_set_bool(doc, note, "IsManaged", snapshot->is_managed == JOB_YES);
	if (*snapshot->enrollment.id)
		plist_set(doc, note, "Enrollment", enrollment_write(doc, &snapshot->enrollment));
	plist_set_text(doc, note, "RehomeVersion", REHOME_VERSION);
	plist_set_int(doc, note, "ProblemCount", problems ? (int64_t)problems->count : 0);
	list = plist_new_array(doc);
	for (size_t i = 0; problems && i < problems->kept && i < NOTE_PROBLEMS_MAX; i++)
		plist_add(doc, list, plist_new_text(doc, problems->list[i].text));
	plist_set(doc, note, "Problems", list);
	return plist_write_binary(doc, note, out, err);
}

void note_read(struct slice bytes, struct job_snapshot *out)
{
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *note = NULL;
	struct err ignored = ERR_INIT;
	int64_t count = 0;
	bool is_managed;

	if (plist_doc_new(&doc, &ignored) < 0 ||
	    plist_parse(doc, bytes, &limits, &note, &ignored) < 0)
		return;
	text_copy(out->serial, sizeof(out->serial), plist_get_text(note, "SerialNumber"));
	text_copy(out->name, sizeof(out->name), plist_get_text(note, "DeviceName"));
	text_copy(out->product_type, sizeof(out->product_type),
		  plist_get_text(note, "ProductType"));
	text_copy(out->product_version, sizeof(out->product_version),
		  plist_get_text(note, "ProductVersion"));
	text_copy(out->build, sizeof(out->build), plist_get_text(note, "BuildVersion"));
	text_copy(out->required_version, sizeof(out->required_version),
		  plist_get_text(note, "RequiredProductVersion"));
	plist_get_bool(note, "IsEncrypted", &out->is_encrypted);
	plist_get_bool(note, "IsSimulated", &out->is_simulated);
	plist_get_bool(note, "IsFullBackup", &out->is_full);
	plist_get_bool(note, "IsImport", &out->is_import);
	if (plist_get_bool(note, "IsManaged", &is_managed))
		out->is_managed = is_managed ? JOB_YES : JOB_NO;
	enrollment_read(plist_get(note, "Enrollment"), &out->enrollment);
	if (plist_get_int(note, "ProblemCount", &count) && count > 0)
		out->problem_count = (uint64_t)count;
}

/* take - @from wins over what is there unless it is empty */
static void take(char *to, size_t len, const char *from)
{
	if (*from)
		text_copy(to, len, from);
}

void note_from_backup(struct job_snapshot *snapshot, const struct backup_reader *reader)
{
	const struct backup_properties *properties = &reader->properties;
	const struct backup_info *info = &reader->info;

	/* Info.plist is a host's word; Manifest.plist, the device's own, comes after it and wins */
	if (reader->has_info) {
		take(snapshot->name, sizeof(snapshot->name), info->name);
		take(snapshot->serial, sizeof(snapshot->serial), info->serial);
		take(snapshot->product_type, sizeof(snapshot->product_type), info->product_type);
		take(snapshot->product_version, sizeof(snapshot->product_version),
		     info->product_version);
		take(snapshot->build, sizeof(snapshot->build), info->build);
	}
	if (reader->has_properties) {
		take(snapshot->name, sizeof(snapshot->name), properties->device_name);
		take(snapshot->serial, sizeof(snapshot->serial), properties->serial);
		take(snapshot->product_type, sizeof(snapshot->product_type),
		     properties->product_type);
		take(snapshot->product_version, sizeof(snapshot->product_version),
		     properties->product_version);
		take(snapshot->build, sizeof(snapshot->build), properties->build);
		take(snapshot->required_version, sizeof(snapshot->required_version),
		     properties->required_version);
		snapshot->is_encrypted = properties->is_encrypted;
	}
	if (reader->has_status)
		snapshot->is_full = reader->status.is_full;
	/* the mark, or an identity that only simulated devices have: either is enough to be careful
	 */
	snapshot->is_simulated =
		snapshot->is_simulated || properties->is_simulated ||
		udid_is_reserved(snapshot->udid) || udid_is_reserved(properties->udid) ||
		udid_is_reserved(info->udid) || serial_is_reserved(snapshot->serial) ||
		serial_is_reserved(properties->serial) || serial_is_reserved(info->serial);
}

/* a record may lag behind the device: what the backup holds is what will be restored */
static bool speaks_against(const struct backup_management *management,
			   const struct job_enrollment *enrollment)
{
	return management->is_managed.answer == BACKUP_NO ||
	       (management->topic.from && *enrollment->topic &&
		strcmp(management->topic.text, enrollment->topic) != 0);
}

int note_management(struct job_snapshot *snapshot, struct backup_reader *reader, struct err *err)
{
	CLEANUP(backup_management_free_p) struct backup_management *management = NULL;
	struct backup_reader_lookup lookup;
	int r;

	if (!reader->manifest)
		return 0;
	backup_reader_lookup_init(&lookup, reader);
	r = backup_management_read(&management, &lookup.lookup, err);
	if (r < 0)
		return err_wrap(err, r, "read what it tells of management");
	if (management->is_managed.answer != BACKUP_UNKNOWN)
		snapshot->is_managed =
			management->is_managed.answer == BACKUP_YES ? JOB_YES : JOB_NO;
	if (speaks_against(management, &snapshot->enrollment))
		snapshot->enrollment = (struct job_enrollment){0};
	return 0;
}

void job_snapshot_read(const struct repo_snapshot *head, struct job_snapshot *out)
{
	*out = (struct job_snapshot){
		.time = head->time, .files = head->files, .bytes = head->bytes};
	text_copy(out->id, sizeof(out->id), head->id);
	text_copy(out->parent, sizeof(out->parent), head->parent);
	text_copy(out->udid, sizeof(out->udid), head->device);
	note_read(head->note, out);
	/* a note that was lost or damaged must not lose the mark */
	out->is_simulated =
		out->is_simulated || udid_is_reserved(out->udid) || serial_is_reserved(out->serial);
}
