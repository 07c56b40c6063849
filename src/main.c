// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>

#include "build_config.h"

int main(void)
{
	printf("moonrill %s\n", MOONRILL_VERSION);
	return 0;
}
