/*
 * plist/arena - the memory of a document
 *
 * A manifest has 1.3 million records, each a small binary list of some thirty
 * values.  So nodes come from blocks by moving a pointer, and reset only moves it
 * back: after the first records no parse calls malloc.
 */
#include "plist/internal.h"

#include <expat.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_LEN_MIN = 4096 - 64, BLOCK_LEN_MAX = 1 << 20 };

struct plist_block {
	struct plist_block *next;
	size_t len, used;
	size_t peak; /* what was ever used, to be wiped in the end */
	alignas(max_align_t) uint8_t bytes[];
};

int plist_doc_new(struct plist_doc **out, struct err *err)
{
	struct plist_doc *doc = calloc(1, sizeof(*doc));

	if (doc == NULL)
		return err_no_memory(err);
	doc->block_len = BLOCK_LEN_MIN;
	doc->text = BUF_INIT(SIZE_MAX / 4);
	*out = doc;
	return 0;
}

void plist_doc_reset(struct plist_doc *doc)
{
	doc->has_failed = false;
	for (struct plist_block *block = doc->first; block != NULL; block = block->next) {
		if (block->peak < block->used)
			block->peak = block->used;
		block->used = 0;
		if (block == doc->current)
			break;
	}
	doc->current = doc->first;
}

void plist_doc_free(struct plist_doc *doc)
{
	if (doc == NULL)
		return;
	plist_doc_reset(doc);
	while (doc->first != NULL) {
		struct plist_block *block = doc->first;

		doc->first = block->next;
		explicit_bzero(block->bytes, block->peak);
		free(block);
	}
	buf_wipe(&doc->text);
	free(doc->seen);
	if (doc->expat != NULL)
		XML_ParserFree(doc->expat);
	free(doc);
}

void plist_doc_free_p(struct plist_doc **doc)
{
	plist_doc_free(*doc);
}

/*
 * The next block with room becomes the current one.  An earlier parse may have
 * left blocks behind; the first that is large enough is pulled forward, so
 * that the small ones before it are not lost for this parse.
 */
static struct plist_block *next_block(struct plist_doc *doc, size_t len)
{
	struct plist_block **slot = doc->current ? &doc->current->next : &doc->first;
	struct plist_block **link = slot;
	struct plist_block *block;

	while (*link != NULL && (*link)->len < len)
		link = &(*link)->next;
	block = *link;
	if (block != NULL) {
		*link = block->next;
	} else {
		size_t block_len = len > doc->block_len ? len : doc->block_len;

		block = malloc(sizeof(*block) + block_len);
		if (block == NULL)
			return NULL;
		*block = (struct plist_block){.len = block_len};
		if (doc->block_len < BLOCK_LEN_MAX)
			doc->block_len *= 2;
	}
	block->next = *slot;
	*slot = block;
	doc->current = block;
	return block;
}

void *plist_doc_alloc(struct plist_doc *doc, size_t len)
{
	struct plist_block *block = doc->current;
	void *at;

	if (len > SIZE_MAX / 2)
		return NULL;
	len = (len + 7) & ~(size_t)7;
	if (block == NULL || block->len - block->used < len) {
		block = next_block(doc, len);
		if (block == NULL)
			return NULL;
	}
	at = block->bytes + block->used;
	block->used += len;
	return at;
}

char *plist_doc_text(struct plist_doc *doc, const void *text, size_t len)
{
	char *copy = len < SIZE_MAX ? plist_doc_alloc(doc, len + 1) : NULL;

	if (copy == NULL)
		return NULL;
	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

struct plist *plist_doc_node(struct plist_doc *doc, enum plist_type type)
{
	struct plist *node = plist_doc_alloc(doc, sizeof(*node));

	if (node != NULL) {
		memset(node, 0, sizeof(*node));
		node->type = type;
	}
	return node;
}

void plist_append(struct plist *container, struct plist *child)
{
	if (container->as.items.last != NULL)
		container->as.items.last->next = child;
	else
		container->as.items.first = child;
	container->as.items.last = child;
	container->as.items.count++;
}
