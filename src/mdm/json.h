/* mdm/json - JSON in the room: jansson stays behind it */
#ifndef REHOME_MDM_JSON_H
#define REHOME_MDM_JSON_H

#include "mdm/mdm.h" /* mdm_json_dump */

#include <jansson.h>

/** mdm_json_dump_sorted - the same with sorted keys: equal content gives equal bytes */
int mdm_json_dump_sorted(json_t *json, struct buf *out, struct err *err);
/** mdm_json_load - a JSON object of at most @max bytes, without repeated keys; the caller decrefs
 */
int mdm_json_load(json_t **out, struct slice bytes, size_t max, struct err *err);

#endif
