// SPDX-License-Identifier: GPL-3.0-or-later
/* The back end gamescope: how it finds the socket of a session, against a desktop of a page that listens there. */
#include "eis_page.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CAPS                                                                                                           \
	(EIS_DEVICE_CAP_KEYBOARD | EIS_DEVICE_CAP_POINTER | EIS_DEVICE_CAP_POINTER_ABSOLUTE | EIS_DEVICE_CAP_BUTTON |  \
	 EIS_DEVICE_CAP_SCROLL)

static char dir[] = "/tmp/gamescope.XXXXXX";

/* What gamescope offers: one device, whose region is no screen. */
static struct page *session(const char *socket_name)
{
	struct page *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->seat_caps = CAPS;
	p->devices[0] =
		(struct page_device){.caps = CAPS, .regions = {{0, 0, INT32_MAX, INT32_MAX, "all"}}, .n_regions = 1};
	page_begin(p);
	assert_int_equal(eis_setup_backend_socket(p->eis, socket_name), 0);
	return p;
}

static struct input_backend *open_it(int *err, uint32_t *classes, char why[INPUT_WHY_MAX])
{
	struct input_backend *b = calloc(1, input_gamescope.size);

	assert_non_null(b);
	b->ops = &input_gamescope;
	b->env = &page_env;
	*classes = input_gamescope.classes;
	*why = '\0';
	*err = input_gamescope.open(b, classes, why);
	return b;
}

static void set_env(const char *libei, const char *display, const char *desktop)
{
	setenv("XDG_RUNTIME_DIR", dir, 1);
	setenv("LIBEI_SOCKET", libei, 1);
	setenv("GAMESCOPE_WAYLAND_DISPLAY", display, 1);
	setenv("XDG_CURRENT_DESKTOP", desktop, 1);
}

static void the_sessions_socket_is_found(void **state)
{
	static const struct {
		const char *libei, *display, *desktop, *socket;
	} t[] = {
		{"gamescope-3-ei", "", "", "gamescope-3-ei"},
		{"", "gamescope-1", "", "gamescope-1-ei"},
		{"", "", "gamescope", "gamescope-0-ei"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		struct input_backend *b;
		char why[INPUT_WHY_MAX];
		uint32_t classes;
		struct page *p;
		int err;

		set_env(t[i].libei, t[i].display, t[i].desktop);
		p = session(t[i].socket);
		page_env.place = (struct input_place){0, 0, 1280, 800};
		b = open_it(&err, &classes, why);
		assert_int_equal(err, 0);
		page_settle(p);
		page_forget(p);
		input_gamescope.event(b, &(struct input_event){.type = INPUT_KEY, .key = {.vk = 0x41, .down = true}});
		input_gamescope.event(b, &(struct input_event){.type = INPUT_MOUSE_ABS, .abs = {1, 1}});
		input_gamescope.event(b, &(struct input_event){.type = INPUT_SCROLL, .scroll.amount = 30});
		page_settle(p);
		assert_string_equal(p->heard, "k30+;a1279,799;d0,-30;");
		page_forget(p);
		input_gamescope.close(b);
		page_settle(p);
		assert_string_equal(p->heard, "k30-;stopbye");
		free(b);
		page_end(p);
	}
}

static void a_session_that_ends_is_survived(void **state)
{
	struct input_backend *b;
	char why[INPUT_WHY_MAX];
	uint32_t classes;
	struct page *p;
	int err;

	(void)state;
	set_env("gamescope-0-ei", "", "");
	p = session("gamescope-0-ei");
	b = open_it(&err, &classes, why);
	assert_int_equal(err, 0);
	page_settle(p);
	eis_client_disconnect(p->client);
	page_settle(p);
	input_gamescope.event(b, &(struct input_event){.type = INPUT_KEY, .key = {.vk = 0x41, .down = true}});
	input_gamescope.close(b);
	free(b);
	page_end(p);
}

static void expect_refused(const char *libei, const char *text)
{
	char why[INPUT_WHY_MAX];
	uint32_t classes;
	int err;

	set_env(libei, "", "sway");
	free(open_it(&err, &classes, why));
	assert_int_equal(err, -ENODEV);
	assert_string_equal(why, text);
}

static void without_a_session_it_says_why(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char name[200];
	int fd, more[8];

	(void)state;
	expect_refused("", "no LIBEI_SOCKET: not in a session of gamescope");
	expect_refused("gamescope-9-ei", "the gamescope of LIBEI_SOCKET is not there");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	expect_refused(name, "the name of gamescope's socket is too long");
	/* One that accepts nobody. */
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/mute", dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	for (unsigned i = 0; i < ARRAY_LEN(more); i++) {
		more[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(more[i], (struct sockaddr *)&address, sizeof(address)))
			assert_int_equal(errno, EAGAIN);
	}
	expect_refused("mute", "gamescope does not answer");
	for (unsigned i = 0; i < ARRAY_LEN(more); i++)
		close(more[i]);
	close(fd);
	unlink(address.sun_path);
	unsetenv("XDG_RUNTIME_DIR");
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sessions_socket_is_found),
		cmocka_unit_test(a_session_that_ends_is_survived),
		cmocka_unit_test(without_a_session_it_says_why),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
