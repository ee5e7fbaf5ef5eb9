/* api_auth - tokens: who asks, what it may do, and which devices it may see */
#include "crypto/identity.h"
#include "server/api_internal.h"

#include <stdio.h>
#include <string.h>

enum { TOKEN_BYTES = 32, TOKEN_ID_BYTES = API_TOKEN_ID_LEN / 2 };
#define TOKEN_PREFIX "rehome-"

/* basic_password - the password of "nanomdm:PASSWORD" */
static bool basic_password(const char *base64, char out[API_TOKEN_MAX + 1])
{
	static const char user[] = "nanomdm:";
	CLEANUP(buf_wipe) struct buf plain = BUF_INIT(sizeof(user) - 1 + API_TOKEN_MAX);
	size_t len;

	if (crypto_base64_read(&plain, slice_text(base64), NULL) < 0 ||
	    plain.len <= sizeof(user) - 1 || memcmp(plain.bytes, user, sizeof(user) - 1) != 0)
		return false;
	len = plain.len - (sizeof(user) - 1);
	memcpy(out, plain.bytes + sizeof(user) - 1, len);
	out[len] = 0;
	return true;
}

static bool credential(const struct api_request *request, char out[API_TOKEN_MAX + 1])
{
	const char *text = request->authorization;

	if (!strncasecmp(text, "Basic ", 6))
		return basic_password(text + 6, out);
	if (strncasecmp(text, "Bearer ", 7) != 0)
		return false;
	text += 7;
	return *text && snprintf(out, API_TOKEN_MAX + 1, "%s", text) <= API_TOKEN_MAX;
}

/* row_find - of "rehome-ID-SECRET" by its id; the hash tells whether the secret is right.
 * STORE_NO_ROW
 */
static int row_find(struct api_call *call, const char *text, struct err *err)
{
	uint8_t hash[CRYPTO_SHA256_LEN];
	char id[API_TOKEN_ID_LEN + 1];
	struct slice kept;
	int r;

	if (strncmp(text, TOKEN_PREFIX, sizeof(TOKEN_PREFIX) - 1) != 0)
		return STORE_NO_ROW;
	snprintf(id, sizeof(id), "%.12s", text + sizeof(TOKEN_PREFIX) - 1);
	r = store_token_find(call->context->store, id, &call->token, err);
	if (r != 0)
		return r;
	kept = call->token.hash;
	crypto_sha256(slice_text(text), hash);
	return kept.len == sizeof(hash) && crypto_equal(hash, kept.bytes, sizeof(hash))
		       ? 0
		       : (int)STORE_NO_ROW;
}

int api_authenticate(struct api_call *call, struct err *err)
{
	struct store_token *token = &call->token;
	char text[API_TOKEN_MAX + 1];
	int r;

	if (!credential(call->request, text))
		return 1;
	r = row_find(call, text, err);
	explicit_bzero(text, sizeof(text));
	if (r != 0)
		return r;
	if (token->revoked || (token->ends && token->ends <= call->now) ||
	    token->role < API_VIEWER || token->role > API_ADMINISTRATOR)
		return 1;
	call->role = (enum api_role)token->role;
	snprintf(call->who, sizeof(call->who), "%.100s (%s)", token->name, token->id);
	return 0;
}

int api_token_make(struct api_context *context, struct store_token *token,
		   char id[API_TOKEN_ID_LEN + 1], char text[API_TOKEN_MAX + 1], struct err *err)
{
	uint8_t bytes[TOKEN_BYTES + TOKEN_ID_BYTES], hash[CRYPTO_SHA256_LEN];
	char hex[2 * TOKEN_BYTES + 1];
	int r = context->entropy->fill(context->entropy, bytes, sizeof(bytes), err);

	if (r < 0)
		return r;
	hex_encode(bytes, TOKEN_BYTES, hex);
	hex_encode(bytes + TOKEN_BYTES, TOKEN_ID_BYTES, id);
	snprintf(text, API_TOKEN_MAX + 1, TOKEN_PREFIX "%s-%s", id, hex);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(hex, sizeof(hex));
	crypto_sha256(slice_text(text), hash);
	token->id = id;
	token->hash = slice_of(hash, sizeof(hash));
	token->created = clock_wall_seconds(context->clock);
	r = store_token_put(context->store, token, err);
	token->hash = SLICE_EMPTY;
	return r;
}

int api_token_first(struct api_context *context, char text[API_TOKEN_MAX + 1], struct err *err)
{
	int64_t now = clock_wall_seconds(context->clock), after = 0;
	struct store_token token = {.name = "first start", .role = API_ADMINISTRATOR}, *rows;
	char id[API_TOKEN_ID_LEN + 1];
	size_t count = 0;
	int r;

	do {
		r = store_token_list(context->store, after, STORE_LIST_MAX, &rows, &count, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < count; i++) {
			after = rows[i].no;
			if (!rows[i].revoked && (!rows[i].ends || rows[i].ends > now) &&
			    rows[i].role == API_ADMINISTRATOR && !*rows[i].scope)
				return err_set(err, ERR_EXISTS,
					       "there is an administrator's token already");
		}
	} while (count == STORE_LIST_MAX);
	r = api_token_make(context, &token, id, text, err);
	if (r != 0)
		return r;
	/* there is no fleet yet on a first start */
	return store_audit_add(
		context->store,
		&(struct store_audit){
			.at = now, .who = "rehome serve", .action = "token-new", .subject = id},
		err);
}

int api_scope_has(struct api_call *call, int64_t device, bool *has, struct err *err)
{
	struct store_group *rows;
	size_t count = 0;
	int r = 0;

	*has = !*call->token.scope;
	if (!*has)
		r = store_group_list(call->context->store, device, 0, STORE_LIST_MAX, &rows, &count,
				     err);
	for (size_t i = 0; i < count && r == 0; i++)
		*has |= !strcmp(rows[i].name, call->token.scope);
	return r;
}
