/*
 * mdm/testing - what the tests of this room stand on: a document, a text to build, an error
 *
 * Each test has its own: cmocka_unit_test_setup_teardown(test, set_up, tear_down).
 */
#ifndef REHOME_MDM_TESTING_H
#define REHOME_MDM_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mdm/mdm.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\">"

struct message {
	struct plist_doc *doc;
	struct buf text;
	struct err err;
};

static inline int set_up(void **state)
{
	static struct message message;

	message = (struct message){.text = BUF_INIT(32 << 20), .err = ERR_INIT};
	*state = &message;
	return plist_doc_new(&message.doc, &message.err);
}

static inline int tear_down(void **state)
{
	struct message *message = *state;

	plist_doc_free(message->doc);
	buf_clear(&message->text);
	return 0;
}

#endif
