/*
 * crypto/scep_attributes - the signed attributes of a pkiMessage (RFC 8894, 3.2.1)
 *
 * They are Verisign's; OpenSSL has no numbers for them, and registering some would change a table
 * of the whole process.  So they are compared by what they are called.
 */
#include "crypto/identity_internal.h"

static const char *const names[] = {
	[SCEP_MESSAGE_TYPE] = "2.16.840.1.113733.1.9.2",
	[SCEP_PKI_STATUS] = "2.16.840.1.113733.1.9.3",
	[SCEP_FAIL_INFO] = "2.16.840.1.113733.1.9.4",
	[SCEP_SENDER_NONCE] = "2.16.840.1.113733.1.9.5",
	[SCEP_RECIPIENT_NONCE] = "2.16.840.1.113733.1.9.6",
	[SCEP_TRANSACTION_ID] = "2.16.840.1.113733.1.9.7",
};
static const char *const words[] = {
	[SCEP_MESSAGE_TYPE] = "messageType",
	[SCEP_PKI_STATUS] = "pkiStatus",
	[SCEP_FAIL_INFO] = "failInfo",
	[SCEP_SENDER_NONCE] = "senderNonce",
	[SCEP_RECIPIENT_NONCE] = "recipientNonce",
	[SCEP_TRANSACTION_ID] = "transactionID",
};

static bool add(PKCS7 *message, enum scep_attribute which, int type, const void *bytes, size_t len)
{
	return X509at_add1_attr_by_txt(&signed_signer(message)->auth_attr, names[which], type,
				       bytes, (int)len) != NULL;
}

bool scep_add_text(PKCS7 *message, enum scep_attribute which, const char *text)
{
	return add(message, which, V_ASN1_PRINTABLESTRING, text, strlen(text));
}

bool scep_add_bytes(PKCS7 *message, enum scep_attribute which, const uint8_t *bytes, size_t len)
{
	return add(message, which, V_ASN1_OCTET_STRING, bytes, len);
}

/* the value of @which if it is there once, with one value of @type */
static int find(const PKCS7 *message, enum scep_attribute which, int type, struct slice *value,
		struct err *err)
{
	const STACK_OF(X509_ATTRIBUTE) *attributes = signed_signer(message)->auth_attr;
	X509_ATTRIBUTE *attribute = NULL;
	const ASN1_TYPE *found;
	char name[80];
	int i;

	for (i = 0; i < sk_X509_ATTRIBUTE_num(attributes); i++) {
		X509_ATTRIBUTE *each = sk_X509_ATTRIBUTE_value(attributes, i);

		OBJ_obj2txt(name, sizeof(name), X509_ATTRIBUTE_get0_object(each), 1);
		if (strcmp(name, names[which]) != 0)
			continue;
		if (attribute)
			return err_set(err, ERR_PROTOCOL, "two attributes %s", words[which]);
		attribute = each;
	}
	if (!attribute || X509_ATTRIBUTE_count(attribute) != 1)
		return err_set(err, ERR_PROTOCOL, "no attribute %s", words[which]);
	found = X509_ATTRIBUTE_get0_type(attribute, 0);
	if (!found || found->type != type)
		return err_set(err, ERR_PROTOCOL, "attribute %s of another type", words[which]);
	*value = slice_of(ASN1_STRING_get0_data(found->value.asn1_string),
			  (size_t)ASN1_STRING_length(found->value.asn1_string));
	return 0;
}

int scep_number(const PKCS7 *message, enum scep_attribute which, int *value, struct err *err)
{
	struct slice text;
	int number = 0, r;
	size_t i;

	r = find(message, which, V_ASN1_PRINTABLESTRING, &text, err);
	if (r < 0)
		return r;
	for (i = 0; i < text.len && i < 2; i++) {
		if (text.bytes[i] < '0' || text.bytes[i] > '9')
			break;
		number = number * 10 + (text.bytes[i] - '0');
	}
	if (i == 0 || i != text.len)
		return err_set(err, ERR_PROTOCOL, "attribute %s is no number", words[which]);
	*value = number;
	return 0;
}

int scep_nonce(const PKCS7 *message, enum scep_attribute which, struct crypto_nonce *nonce,
	       struct err *err)
{
	struct slice bytes;
	int r;

	r = find(message, which, V_ASN1_OCTET_STRING, &bytes, err);
	if (r < 0)
		return r;
	if (bytes.len == 0 || bytes.len > CRYPTO_SCEP_NONCE_MAX)
		return err_set(err, ERR_PROTOCOL, "%s of %zu bytes", words[which], bytes.len);
	memcpy(nonce->bytes, bytes.bytes, bytes.len);
	nonce->len = bytes.len;
	return 0;
}

int scep_transaction(const PKCS7 *message, char *out, struct err *err)
{
	struct slice text;
	size_t i;
	int r;

	r = find(message, SCEP_TRANSACTION_ID, V_ASN1_PRINTABLESTRING, &text, err);
	if (r < 0)
		return r;
	if (text.len == 0 || text.len > CRYPTO_SCEP_ID_MAX)
		return err_set(err, ERR_PROTOCOL, "transactionID of %zu characters", text.len);
	for (i = 0; i < text.len; i++)
		if (text.bytes[i] < 0x20 || text.bytes[i] > 0x7e)
			return err_set(err, ERR_PROTOCOL, "transactionID that is not printable");
	memcpy(out, text.bytes, text.len);
	out[text.len] = '\0';
	return 0;
}
