/*
 * server - the MDM service: `rehomed`, `rehome serve`
 *
 * docs/design/service.md tells how its processes share the work.
 */
#ifndef REHOME_SERVER_H
#define REHOME_SERVER_H

/**
 * server_main - run the service until SIGTERM or SIGINT; SIGHUP reads the configuration again
 * @argc, @argv: as main gets them; argv[0] is the name for messages. rehomed(8) has the words
 *
 * Prints what people need on the standard output, logs on the standard error.  Returns an exit
 * status: 0, 1 failed, 2 usage.  Called once, in a process without threads.
 */
int server_main(int argc, char **argv);

#endif
