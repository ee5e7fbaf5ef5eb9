/* rehomed - the MDM service as a program of its own; all else is in server */
#include "server/server.h"

int main(int argc, char **argv)
{
	return server_main(argc, argv);
}
