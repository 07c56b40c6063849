// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * play FIXTURE PORT: after the launch with the fixture's key, plays everything between launch and quit. Prints one JSON
 * object; 0 when the host did as recorded.
 */
#include "play.h"

#include <arpa/inet.h>
#include <enet/enet.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/envelope.h"

#define CONTROL_OFFSET   10
#define VIDEO_OFFSET     9
#define AUDIO_OFFSET     11
#define TYPE_RFI         0x0301
#define TYPE_TERMINATION 0x0109
#define PATIENCE_NS      (20 * NS_PER_S)
#define FRAMES_MIN       20

bool play_expect(struct play *p, bool ok, const char *what, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return true;
	if (++p->mismatches <= 20) {
		fprintf(stderr, "%s:%d: %s: ", file, line, what);
		va_start(ap, fmt);
		vfprintf(stderr, fmt, ap);
		va_end(ap);
		fputc('\n', stderr);
	}
	return false;
}

static int media_socket(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), room = 4 << 20;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		perror("media socket");
		exit(99);
	}
	return fd;
}

/* What goes on after PLAY, in the order and with the pauses of the recording. */
struct run {
	struct play *p;
	int video, audio;
	ENetHost *host;
	ENetPeer *peer;
	struct envelope envelope;
	const struct record *ping[2], *msg;
	double start_ms; /* in the recording */
	uint64_t start_ns;
	bool connected, left;
	uint8_t verify[64]; /* the host's first datagram */
	size_t verify_len;
	unsigned sent, received;
	uint32_t lacks; /* the newest frame the client said it lacks: one above it must not need it */
};

static struct run *running; /* libenet gives its callback no context */

static int ENET_CALLBACK first_datagram(ENetHost *h, ENetEvent *e)
{
	(void)e;
	if (!running->verify_len && h->receivedDataLength <= sizeof(running->verify)) {
		running->verify_len = h->receivedDataLength;
		memcpy(running->verify, h->receivedData, h->receivedDataLength);
	}
	return 0;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* As the recorded client asked: its MTU, its channels; with the word of this session. */
static void control_connect(struct run *r)
{
	const struct record *connect = fixture_next(&r->p->f, NULL, RECORD_CONTROL, true);
	ENetAddress to = {.port = (enet_uint16)(r->p->port + CONTROL_OFFSET)};
	uint32_t channels = be32(connect->data + 20);

	to.host = htonl(INADDR_LOOPBACK);
	r->host = enet_host_create(NULL, 1, channels, 0, 0);
	if (!r->host)
		exit(99);
	r->host->mtu = r->host->peers[0].mtu = be32(connect->data + 12);
	r->host->intercept = first_datagram;
	r->peer = enet_host_connect(r->host, &to, channels, r->p->connect_data);
	if (!r->peer || envelope_init(&r->envelope, r->p->f.key, true, false))
		exit(99);
}

static void check_verify(struct run *r)
{
	const struct record *then = fixture_next(&r->p->f, NULL, RECORD_CONTROL, false);

	if (!expect(r->p, r->verify_len == then->len, "the host's first control datagram: %zu bytes", r->verify_len))
		return;
	expect(r->p, (r->verify[4] & 0x0f) == (then->data[4] & 0x0f), "command %02x", r->verify[4]);
	expect(r->p, !memcmp(r->verify + 12, then->data + 12, 12), "MTU %u, window %u, channels %u",
	       be32(r->verify + 12), be32(r->verify + 16), be32(r->verify + 20));
}

/* Time stands still until the control stream is up: what the recorded client sent before that is due, nothing else. */
static double due_ms(const struct run *r)
{
	if (!r->connected)
		return r->start_ms - 0.1;
	return r->start_ms + (double)(clock_ns() - r->start_ns) / NS_PER_MS;
}

static void send_pings(struct run *r)
{
	for (unsigned i = 0; i < 2; i++) {
		while (r->ping[i] && r->ping[i]->ms <= due_ms(r)) {
			uint8_t bytes[20];

			memcpy(bytes, r->ping[i]->data, sizeof(bytes));
			memcpy(bytes, r->p->ping_payload, 16);
			expect(r->p, send(i ? r->audio : r->video, bytes, sizeof(bytes), 0) == sizeof(bytes), "ping");
			r->ping[i] = fixture_next(&r->p->f, r->ping[i], i ? RECORD_AUDIO : RECORD_VIDEO, true);
		}
	}
}

/* A client reports what it lacks when the next frame begins: not the clock but that frame is due. */
static bool reported_now(const struct run *r, const struct record *m)
{
	return r->p->video.frame > le32(m->data + 8);
}

/* Whether a report in the queue has come true: then all before it was said too. */
static bool report_waits(const struct run *r)
{
	for (const struct record *m = r->msg; m; m = fixture_next(&r->p->f, m, RECORD_CONTROL_MSG, true))
		if (m->type == TYPE_RFI)
			return reported_now(r, m);
	return false;
}

static bool message_due(const struct run *r)
{
	if (!r->connected || !r->msg)
		return false;
	return r->msg->type == TYPE_RFI ? reported_now(r, r->msg) : r->msg->ms <= due_ms(r) || report_waits(r);
}

static void send_message(struct run *r, const struct record *m)
{
	uint8_t plain[ENVELOPE_PLAIN_MAX], wire[ENVELOPE_MAX];
	size_t len = record_message(m, plain, sizeof(plain));
	ENetPacket *packet;
	int n;

	r->envelope.next_seq = m->seq;
	n = envelope_seal(&r->envelope, plain, len, wire);
	packet = enet_packet_create(wire, (size_t)n, m->enet_flags);
	if (n < 0 || !packet || enet_peer_send(r->peer, m->enet_channel, packet))
		exit(99);
	r->sent++;
	if (m->type == TYPE_RFI)
		r->lacks = le32(m->data + 8);
}

static void send_messages(struct run *r)
{
	while (message_due(r)) {
		send_message(r, r->msg);
		r->msg = fixture_next(&r->p->f, r->msg, RECORD_CONTROL_MSG, true);
	}
}

static void on_packet(struct run *r, const ENetPacket *packet)
{
	uint8_t out[ENVELOPE_MAX];
	int n = packet->dataLength <= sizeof(out) ? envelope_open(&r->envelope, packet->data, packet->dataLength, out)
						  : -1;

	r->received++;
	if (expect(r->p, n >= 4, "a message of the host opens"))
		expect(r->p, (out[0] | out[1] << 8) != TYPE_TERMINATION, "the host ended the session: %08x",
		       be32(out + 4));
}

static void control_service(struct run *r)
{
	ENetEvent e;

	while (enet_host_service(r->host, &e, 0) > 0) {
		if (e.type == ENET_EVENT_TYPE_CONNECT) {
			r->connected = true;
			r->start_ns = clock_ns();
		} else if (e.type == ENET_EVENT_TYPE_DISCONNECT) {
			r->left = true;
		} else if (e.type == ENET_EVENT_TYPE_RECEIVE) {
			on_packet(r, e.packet);
			enet_packet_destroy(e.packet);
		}
	}
}

static void read_media(struct run *r)
{
	uint8_t bytes[4096];
	ssize_t n;

	while ((n = recv(r->video, bytes, sizeof(bytes), 0)) > 0)
		play_video(r->p, bytes, (size_t)n);
	while ((n = recv(r->audio, bytes, sizeof(bytes), 0)) > 0)
		play_audio(r->p, bytes, (size_t)n);
}

static void step(struct run *r)
{
	struct pollfd fds[] = {
		{.fd = r->video, .events = POLLIN},
		{.fd = r->audio, .events = POLLIN},
		{.fd = (int)r->host->socket, .events = POLLIN},
	};

	(void)poll(fds, 3, 5);
	send_pings(r);
	control_service(r);
	read_media(r);
	send_messages(r);
	enet_host_flush(r->host);
}

static bool all_acknowledged(const struct run *r)
{
	return enet_list_empty(&r->peer->outgoingCommands) && enet_list_empty(&r->peer->sentReliableCommands);
}

static bool done(const struct run *r)
{
	return !r->msg && all_acknowledged(r) && r->p->video.frames >= FRAMES_MIN && r->p->audio.parity &&
	       r->p->video.healed > r->lacks;
}

static void play_stream(struct run *r)
{
	struct play *p = r->p;
	uint64_t end;

	running = r;
	control_connect(r);
	r->ping[0] = fixture_next(&p->f, NULL, RECORD_VIDEO, true);
	r->ping[1] = fixture_next(&p->f, NULL, RECORD_AUDIO, true);
	r->msg = fixture_next(&p->f, NULL, RECORD_CONTROL_MSG, true);
	r->start_ms = r->msg->ms;
	end = clock_ns() + PATIENCE_NS;
	while (!done(r) && !r->left && clock_ns() < end)
		step(r);
	expect(p, r->connected && !r->left, "control connection");
	check_verify(r);
	expect(p, !r->msg, "all messages were sent");
	expect(p, all_acknowledged(r), "the host acknowledges what is reliable");
	expect(p, p->video.frames >= FRAMES_MIN && p->audio.parity, "%u frames, %llu audio packets", p->video.frames,
	       (unsigned long long)p->audio.data);
	expect(p, p->video.healed > r->lacks, "frame %u heals, %u is lost", p->video.healed, r->lacks);
	expect(p, p->video.lost == 0 && p->audio.lost == 0, "%llu and %llu datagrams missing",
	       (unsigned long long)p->video.lost, (unsigned long long)p->audio.lost);

	enet_peer_disconnect(r->peer, 0);
	for (end = clock_ns() + PATIENCE_NS; !r->left && clock_ns() < end;)
		step(r);
	expect(p, r->left, "the host confirms the farewell");
	enet_host_destroy(r->host);
	envelope_finish(&r->envelope);
}

static void play_handshake(struct play *p)
{
	const struct record *request = NULL, *answer = NULL;

	for (unsigned n = 0; (request = fixture_next(&p->f, request, RECORD_RTSP, true)); n++) {
		answer = fixture_next(&p->f, answer, RECORD_RTSP, false);
		if (!answer)
			exit(99);
		play_rtsp(p, n, request, answer);
	}
}

int main(int argc, char **argv)
{
	struct play play = {0}, *p = &play;
	struct run run = {.p = p};
	const struct record *first;

	if (argc != 5) {
		fprintf(stderr, "usage: play FIXTURE PORT VIDEO_ENCRYPTED AUDIO_ENCRYPTED\n");
		return 2;
	}
	fixture_load(&p->f, argv[1]);
	p->port = (uint16_t)atoi(argv[2]);
	p->video_encrypted = atoi(argv[3]);
	p->audio_encrypted = atoi(argv[4]);
	first = fixture_next(&p->f, NULL, RECORD_RTSP, true);
	p->sealed = first->data[0] & 0x80;
	if (enet_initialize())
		return 99;
	run.video = media_socket((uint16_t)(p->port + VIDEO_OFFSET));
	run.audio = media_socket((uint16_t)(p->port + AUDIO_OFFSET));
	play_handshake(p);
	if (!p->mismatches)
		play_stream(&run);
	printf("{\"mismatches\": %u, \"identical_requests\": %u, \"frames\": %u, \"idr\": %u, \"after_rfi\": %u, "
	       "\"audio\": %llu, \"messages_sent\": %u, \"messages_received\": %u}\n",
	       p->mismatches, p->identical, p->video.frames, p->video.idr, p->video.after_rfi,
	       (unsigned long long)p->audio.data, run.sent, run.received);
	close(run.video);
	close(run.audio);
	fixture_free(&p->f);
	enet_deinitialize();
	return p->mismatches ? 1 : 0;
}
