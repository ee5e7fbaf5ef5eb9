/* client_chain - errors as a device reports them: outermost first, each with domain, code, text */
#include "sim/client.h"

#include <stdarg.h>
#include <string.h>

int sim_chain_add(struct sim_chain *chain, const char *domain, int code, const char *format, ...)
{
	va_list args;

	if (chain->count == SIM_CHAIN_MAX)
		return SIM_REFUSED;
	chain->items[chain->count].domain = domain;
	chain->items[chain->count].code = code;
	va_start(args, format);
	vsnprintf(chain->items[chain->count].text, SIM_CHAIN_TEXT, format, args);
	va_end(args);
	chain->count++;
	return SIM_REFUSED;
}

int sim_chain_wrap(struct sim_chain *chain, const char *domain, int code, const char *text)
{
	if (chain->count == SIM_CHAIN_MAX)
		chain->count--;
	memmove(&chain->items[1], &chain->items[0], chain->count * sizeof(chain->items[0]));
	chain->items[0].domain = domain;
	chain->items[0].code = code;
	snprintf(chain->items[0].text, SIM_CHAIN_TEXT, "%s", text);
	chain->count++;
	return SIM_REFUSED;
}

void sim_chain_put(const struct sim_chain *chain, struct plist_doc *doc, struct plist *reply)
{
	struct plist *array = plist_new_array(doc);

	for (size_t i = 0; i < chain->count; i++) {
		struct plist *item = plist_new_dict(doc);

		plist_set_int(doc, item, "ErrorCode", chain->items[i].code);
		plist_set_text(doc, item, "ErrorDomain", chain->items[i].domain);
		plist_set_text(doc, item, "LocalizedDescription", chain->items[i].text);
		plist_set_text(doc, item, "USEnglishDescription", chain->items[i].text);
		plist_add(doc, array, item);
	}
	plist_set(doc, reply, "ErrorChain", array);
}

int sim_chain_err(const struct sim_chain *chain, struct err *err)
{
	char text[SIM_CHAIN_MAX * (SIM_CHAIN_TEXT + 32)] = "";
	size_t len = 0;

	for (size_t i = 0; i < chain->count && len < sizeof(text) - 1; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s (%d)", i ? " " : "",
					chain->items[i].text, chain->items[i].code);
	return err_set(err, ERR_POLICY, "%.900s", text);
}
