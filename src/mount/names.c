/*
 * names - the files and folders of one domain, as a tree in memory
 *
 * Rows come in any order.  A node is found by its parent and name in a table of slots; names
 * are hostile, so the table's seed is drawn anew and the length of a search is bounded.
 */
#include "mount/internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	NONE = 0, /* the root is nobody's child and has no sibling */
	SLOTS_MIN = 256,
	PROBES_MAX = 4096,
	TEXT_MAX = 1 << 30,
};

struct node {
	uint32_t parent, first_child, next_sibling;
	uint32_t name, target; /* offsets into the texts; target 0: none */
	uint64_t size;
	int64_t modified;
	char type;
};

struct names {
	struct node *nodes; /* [0] is the domain's own folder */
	size_t count, cap;
	uint32_t *slots; /* node + 1, or 0 */
	size_t slot_count;
	struct buf texts; /* NUL-terminated; begins with an empty one */
	uint64_t seed;
};

static uint64_t hash(const struct names *names, uint32_t parent, const char *name, size_t len)
{
	uint64_t value = names->seed ^ parent * UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < len; i++) {
		value = (value ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
		value ^= value >> 29;
	}
	return splitmix64(&value);
}

static const char *text_of(const struct names *names, uint32_t offset)
{
	return (const char *)names->texts.bytes + offset;
}

/* slot_of - where @name is, or the free slot where it would be; NULL: it took too long */
static uint32_t *slot_of(const struct names *names, uint32_t parent, const char *name, size_t len)
{
	size_t mask = names->slot_count - 1, at = hash(names, parent, name, len) & mask;

	for (int i = 0; i < PROBES_MAX; i++, at = (at + 1) & mask) {
		const struct node *node;
		const char *text;

		if (!names->slots[at])
			return &names->slots[at];
		node = &names->nodes[names->slots[at] - 1];
		text = text_of(names, node->name);
		if (node->parent == parent && !strncmp(text, name, len) && !text[len])
			return &names->slots[at];
	}
	return NULL;
}

static int grow(struct names *names, struct err *err)
{
	size_t cap = names->cap ? names->cap * 2 : SLOTS_MIN / 2;
	struct node *nodes;
	uint32_t *slots;

	if (names->count < names->cap)
		return 0;
	if (names->count >= MOUNT_NODES_MAX)
		return err_set(err, ERR_LIMIT, "a domain of more than %d files and folders",
			       MOUNT_NODES_MAX);
	nodes = realloc(names->nodes, cap * sizeof(*nodes));
	if (!nodes)
		return err_no_memory(err);
	names->nodes = nodes;
	slots = calloc(cap * 2, sizeof(*slots));
	if (!slots)
		return err_no_memory(err);
	free(names->slots);
	names->slots = slots;
	names->slot_count = cap * 2;
	names->cap = cap;
	for (size_t i = 1; i < names->count; i++) {
		const char *text = text_of(names, nodes[i].name);
		uint32_t *slot = slot_of(names, nodes[i].parent, text, strlen(text));

		if (!slot)
			return err_set(err, ERR_LIMIT, "names that were made to collide");
		*slot = (uint32_t)i + 1;
	}
	return 0;
}

static int text_add(struct names *names, const char *text, size_t len, uint32_t *offset,
		    struct err *err)
{
	int r = buf_reserve(&names->texts, len + 1, err);

	if (r < 0)
		return r;
	*offset = (uint32_t)names->texts.len;
	r = buf_append(&names->texts, text, len, err);
	return r < 0 ? r : buf_append_u8(&names->texts, 0, err);
}

int names_new(struct names **out, struct err *err)
{
	CLEANUP(names_free_p) struct names *names = calloc(1, sizeof(*names));
	int r;

	if (!names)
		return err_no_memory(err);
	names->texts = BUF_INIT(TEXT_MAX);
	r = entropy_system()->fill(entropy_system(), &names->seed, sizeof(names->seed), err);
	if (r == 0)
		r = buf_append_u8(&names->texts, 0, err);
	if (r == 0)
		r = grow(names, err);
	if (r < 0)
		return r;
	names->nodes[0] = (struct node){.type = 'd'};
	names->count = 1;
	*out = STEAL(names);
	return 0;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	free(names->nodes);
	free(names->slots);
	buf_clear(&names->texts);
	free(names);
}

void names_free_p(struct names **names)
{
	names_free(*names);
	*names = NULL;
}

size_t names_count(const struct names *names)
{
	return names->count;
}

/* child_make - the child @name of @parent, made as a folder when it was not there */
static int child_make(struct names *names, uint32_t parent, const char *name, size_t len,
		      uint32_t *child, struct err *err)
{
	struct node node = {.parent = parent, .type = 'd'};
	uint32_t *slot;
	int r = grow(names, err);

	if (r < 0)
		return r;
	slot = slot_of(names, parent, name, len);
	if (!slot)
		return err_set(err, ERR_LIMIT, "names that were made to collide");
	if (*slot) {
		*child = *slot - 1;
		return 0;
	}
	r = text_add(names, name, len, &node.name, err);
	if (r < 0)
		return r;
	*child = (uint32_t)names->count;
	*slot = *child + 1;
	node.next_sibling = names->nodes[parent].first_child;
	names->nodes[parent].first_child = *child;
	names->nodes[names->count++] = node;
	return 0;
}

int names_add(struct names *names, const char *path, const struct mount_entry *entry,
	      uint32_t *number, struct err *err)
{
	struct node *node;
	uint32_t at = 0;
	int r = 0;

	while (r == 0 && *path) {
		size_t len = strcspn(path, "/");

		r = child_make(names, at, path, len, &at, err);
		path += len;
		path += *path == '/';
	}
	if (r < 0)
		return r;
	if (number)
		*number = at;
	node = &names->nodes[at];
	/* what has something below it is a folder, whatever its own row says */
	if (node->first_child == NONE && at != 0)
		node->type = entry->type;
	node->size = entry->size;
	node->modified = entry->modified;
	return entry->target
		       ? text_add(names, entry->target, strlen(entry->target), &node->target, err)
		       : 0;
}

void names_resize(struct names *names, uint32_t number, uint64_t size)
{
	names->nodes[number].size = size;
}

/* node_at - the node of @path; NULL: there is none */
static const struct node *node_at(const struct names *names, const char *path)
{
	uint32_t at = 0;

	while (*path) {
		size_t len = strcspn(path, "/");
		const uint32_t *slot = slot_of(names, at, path, len);

		if (!slot || !*slot)
			return NULL;
		at = *slot - 1;
		path += len;
		path += *path == '/';
	}
	return &names->nodes[at];
}

static struct mount_entry entry_of(const struct names *names, const struct node *node)
{
	bool is_folder = node->type == 'd' || node->first_child != NONE;

	return (struct mount_entry){
		.name = text_of(names, node->name),
		.type = is_folder ? 'd' : node->type,
		.size = is_folder ? 0 : node->size,
		.modified = node->modified,
		.target = node->target ? text_of(names, node->target) : NULL,
	};
}

int names_find(const struct names *names, const char *path, struct mount_entry *entry)
{
	const struct node *node = node_at(names, path);

	if (!node)
		return MOUNT_ABSENT;
	*entry = entry_of(names, node);
	return 0;
}

int names_list(const struct names *names, const char *path, mount_each *each, void *arg)
{
	const struct node *node = node_at(names, path);
	int r = 0;

	if (!node || entry_of(names, node).type != 'd')
		return MOUNT_ABSENT;
	for (uint32_t at = node->first_child; at != NONE && r == 0;
	     at = names->nodes[at].next_sibling) {
		const struct mount_entry entry = entry_of(names, &names->nodes[at]);

		r = each(arg, &entry);
	}
	return r;
}
