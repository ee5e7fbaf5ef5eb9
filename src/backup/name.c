/*
 * How a row is named: fileID is the SHA-1 of "domain-path", over the bytes as they are
 * stored, without any normalisation (docs/format/ios-backup, 5).
 */
#include "backup/backup.h"

#include <string.h>

#include "crypto/crypto.h"

void backup_file_id(const char *domain, const char *path, char out[41])
{
	char joined[BACKUP_DOMAIN_LEN_MAX + 1 + PATH_LEN_MAX + 1];
	uint8_t digest[CRYPTO_SHA1_LEN];
	size_t domain_len = strlen(domain), path_len = strlen(path);

	if (domain_len + 1 + path_len <= sizeof(joined)) {
		memcpy(joined, domain, domain_len);
		joined[domain_len] = '-';
		memcpy(joined + domain_len + 1, path, path_len);
		crypto_sha1(slice_of(joined, domain_len + 1 + path_len), digest);
	} else {
		/* No row has such a name.  The empty name's digest is no row's fileID either. */
		crypto_sha1(SLICE_EMPTY, digest);
	}
	hex_encode(digest, sizeof(digest), out);
}

bool backup_file_id_is_valid(const char *text)
{
	bool is_valid = true;
	size_t i;

	if (strnlen(text, BACKUP_FILE_ID_LEN + 1) != BACKUP_FILE_ID_LEN)
		return false;
	for (i = 0; i < BACKUP_FILE_ID_LEN; i++) /* to its end, so that it becomes vectors */
		is_valid &= (uint8_t)(text[i] - '0') < 10 || (uint8_t)(text[i] - 'a') < 6;
	return is_valid;
}

bool backup_file_is_regular(const struct backup_file *file)
{
	if (file->mode & S_IFMT)
		return S_ISREG(file->mode);
	return file->flags == 1;
}
