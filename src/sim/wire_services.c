/* wire_services - which services a device offers, and the ports where started ones wait */
#include "sim/wire.h"

#include <string.h>

static const struct wire_service services[] = {
	{"com.apple.mobilebackup2", wire_speak_backup, LINK_BINARY, false},
	{"com.apple.afc", wire_speak_afc, LINK_XML, false},
	{"com.apple.mobile.notification_proxy", wire_speak_notifications, LINK_XML, false},
	{"com.apple.mobile.insecure_notification_proxy", wire_speak_notifications, LINK_XML, true},
	{"com.apple.mobile.installation_proxy", wire_speak_apps, LINK_XML, false},
	{"com.apple.springboardservices", wire_speak_springboard, LINK_BINARY, false},
	{"com.apple.mobile.MCInstall", wire_speak_profiles, LINK_XML, false},
	{"com.apple.mobile.diagnostics_relay", wire_speak_diagnostics, LINK_XML, false},
	{"com.apple.mobileactivationd", wire_speak_activation, LINK_XML, false},
	{"com.apple.mobile.heartbeat", wire_speak_heartbeat, LINK_XML, false},
};

const struct wire_service *wire_service_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(services); i++)
		if (strcmp(services[i].name, name) == 0)
			return &services[i];
	return NULL;
}

uint16_t wire_port_open(struct wire_device *device, const struct wire_service *service,
			const char *host_id, bool is_tls, bool is_escrowed)
{
	struct wire_port *port;
	uint16_t number;

	pthread_mutex_lock(&device->mutex);
	port = &device->ports[device->next_slot++ % WIRE_PORTS_MAX];
	/* ports count up and start again: a number is not used twice while it may still be meant */
	number = device->next_port < WIRE_FIRST_PORT ? WIRE_FIRST_PORT : device->next_port;
	device->next_port = number == UINT16_MAX ? WIRE_FIRST_PORT : (uint16_t)(number + 1);
	if (device->next_port == LINK_LOCKDOWN_PORT)
		device->next_port++;
	*port = (struct wire_port){
		.number = number,
		.service = service,
		.is_tls = is_tls,
		.is_escrowed = is_escrowed,
	};
	snprintf(port->host_id, sizeof(port->host_id), "%s", host_id);
	pthread_mutex_unlock(&device->mutex);
	return number;
}

bool wire_port_take(struct wire_device *device, uint16_t number, struct wire_port *port)
{
	bool is_known = false;

	pthread_mutex_lock(&device->mutex);
	for (size_t i = 0; i < WIRE_PORTS_MAX && !is_known; i++) {
		if (number != 0 && device->ports[i].number == number) {
			*port = device->ports[i];
			device->ports[i].number = 0;
			is_known = true;
		}
	}
	pthread_mutex_unlock(&device->mutex);
	return is_known;
}
