// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli.h"

#include <stdio.h>
#include <unistd.h>

#include "encode/closer.h"

int main(int argc, char **argv)
{
	int rc = cli_main(argc, argv);

	if (closer_finish())
		return rc;
	fflush(NULL);
	_exit(rc);
}
