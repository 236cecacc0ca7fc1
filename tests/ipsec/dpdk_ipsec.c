/*
 * Packets through DPDK's librte_ipsec: ESP in tunnel mode over IPv4, AES-128-GCM.
 *
 *   dpdk_ipsec DRIVER serve              lines "out HEX" and "in HEX", answered with HEX or "error"
 *   dpdk_ipsec DRIVER bench BYTES MS     encapsulates packets of BYTES; prints packets per second
 *
 * Key, salt, SPI and addresses are those of the tests beside it. DRIVER is a cryptodev:
 * crypto_openssl, crypto_aesni_mb, crypto_aesni_gcm.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_crypto.h>
#include <rte_cryptodev.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_ipsec.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#define SPI 0x1001
#define BURST 64
#define PACKET_BYTES 4096
#define IV_OFFSET (sizeof(struct rte_crypto_op) + sizeof(struct rte_crypto_sym_op))

static uint8_t device;
static struct rte_mempool *packets, *operations, *sessions;
static struct rte_ipsec_session outbound, inbound;

static void need(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "dpdk_ipsec: %s\n", what);
	exit(1);
}

static void start_device(const char *driver)
{
	struct rte_cryptodev_config config = { .nb_queue_pairs = 1 };
	struct rte_cryptodev_qp_conf queue = { .nb_descriptors = 2048 };

	need(rte_vdev_init(driver, NULL) == 0, "no such cryptodev");
	device = rte_cryptodev_get_dev_id(driver);
	packets = rte_pktmbuf_pool_create("packets", 1023, 0, 0, PACKET_BYTES, 0);
	operations = rte_crypto_op_pool_create("operations", RTE_CRYPTO_OP_TYPE_SYMMETRIC, 1023, 0, 64,
					       0);
	sessions = rte_cryptodev_sym_session_pool_create(
		"sessions", 15, rte_cryptodev_sym_get_private_session_size(device), 0, 0, 0);
	need(packets && operations && sessions, "no memory");
	queue.mp_session = sessions;
	need(rte_cryptodev_configure(device, &config) == 0, "configure");
	need(rte_cryptodev_queue_pair_setup(device, 0, &queue, 0) == 0, "queue pair");
	need(rte_cryptodev_start(device) == 0, "start");
}

static struct rte_crypto_sym_xform transform(int is_outbound, const uint8_t *key)
{
	return (struct rte_crypto_sym_xform){
		.type = RTE_CRYPTO_SYM_XFORM_AEAD,
		.aead = {
			.op = is_outbound ? RTE_CRYPTO_AEAD_OP_ENCRYPT : RTE_CRYPTO_AEAD_OP_DECRYPT,
			.algo = RTE_CRYPTO_AEAD_AES_GCM,
			.key = { .data = key, .length = 16 },
			.iv = { .offset = IV_OFFSET, .length = 12 },
			.digest_length = 16,
			.aad_length = 8,
		},
	};
}

static void open_session(struct rte_ipsec_session *session, int is_outbound, const uint8_t *key,
			 const uint8_t *salt)
{
	static struct rte_ipv4_hdr outer = {
		.version_ihl = 0x45,
		.time_to_live = 64,
		.next_proto_id = IPPROTO_ESP,
	};
	struct rte_crypto_sym_xform crypto = transform(is_outbound, key);
	struct rte_ipsec_sa_prm parameters = {
		.ipsec_xform = {
			.spi = SPI,
			.direction = is_outbound ? RTE_SECURITY_IPSEC_SA_DIR_EGRESS
						 : RTE_SECURITY_IPSEC_SA_DIR_INGRESS,
			.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP,
			.mode = RTE_SECURITY_IPSEC_SA_MODE_TUNNEL,
			.tunnel = { .type = RTE_SECURITY_IPSEC_TUNNEL_IPV4 },
			.replay_win_sz = is_outbound ? 0 : 64,
		},
		.crypto_xform = &crypto,
		.tun = {
			.hdr = &outer,
			.hdr_len = sizeof(outer),
			.next_proto = IPPROTO_IPIP,
		},
	};
	int size;

	memcpy(&parameters.ipsec_xform.salt, salt, 4);
	outer.src_addr = inet_addr("198.51.100.1");
	outer.dst_addr = inet_addr("198.51.100.2");
	size = rte_ipsec_sa_size(&parameters);
	need(size > 0, "the association's parameters");
	session->sa = rte_zmalloc(NULL, size, RTE_CACHE_LINE_SIZE);
	need(session->sa && rte_ipsec_sa_init(session->sa, &parameters, size) > 0, "association");
	session->type = RTE_SECURITY_ACTION_TYPE_NONE;
	session->crypto.dev_id = device;
	session->crypto.ses = rte_cryptodev_sym_session_create(device, &crypto, sessions);
	need(session->crypto.ses != NULL, "session");
	need(rte_ipsec_session_prepare(session) == 0, "prepare");
}

/* All packets of a burst through one association; how many came out. */
static unsigned int process(struct rte_ipsec_session *session, struct rte_mbuf *burst[],
			    unsigned int count)
{
	struct rte_crypto_op *ops[BURST];
	unsigned int sent = 0, done = 0;

	if (rte_crypto_op_bulk_alloc(operations, RTE_CRYPTO_OP_TYPE_SYMMETRIC, ops, count) == 0)
		return 0;
	count = rte_ipsec_pkt_crypto_prepare(session, burst, ops, count);
	while (sent < count)
		sent += rte_cryptodev_enqueue_burst(device, 0, ops + sent, count - sent);
	while (done < count)
		done += rte_cryptodev_dequeue_burst(device, 0, ops + done, count - done);
	for (unsigned int i = 0; i < count; i++) {
		burst[i] = ops[i]->sym->m_src;
		if (ops[i]->status != RTE_CRYPTO_OP_STATUS_SUCCESS)
			burst[i]->ol_flags |= RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED;
	}
	rte_mempool_put_bulk(operations, (void **)ops, count);
	return rte_ipsec_pkt_process(session, burst, count);
}

static struct rte_mbuf *packet_of(const uint8_t *bytes, size_t length)
{
	struct rte_mbuf *packet = rte_pktmbuf_alloc(packets);

	need(packet != NULL, "no packet");
	memcpy(rte_pktmbuf_append(packet, length), bytes, length);
	packet->l2_len = 0;
	packet->l3_len = sizeof(struct rte_ipv4_hdr);
	return packet;
}

static void serve(void)
{
	static char line[4 * PACKET_BYTES];
	static uint8_t bytes[PACKET_BYTES];

	while (fgets(line, sizeof(line), stdin)) {
		int is_outbound = strncmp(line, "out ", 4) == 0;
		const char *hex = line + (is_outbound ? 4 : 3);
		unsigned int byte;
		size_t length = 0;
		struct rte_mbuf *packet;

		while (length < 2048 && sscanf(hex + 2 * length, "%2x", &byte) == 1)
			bytes[length++] = byte;
		packet = packet_of(bytes, length);
		if (process(is_outbound ? &outbound : &inbound, &packet, 1) == 1) {
			const uint8_t *result = rte_pktmbuf_mtod(packet, const uint8_t *);

			for (unsigned int i = 0; i < rte_pktmbuf_data_len(packet); i++)
				printf("%02x", result[i]);
			printf("\n");
		} else {
			printf("error\n");
		}
		fflush(stdout);
		rte_pktmbuf_free(packet);
	}
}

static void bench(unsigned int length, unsigned int milliseconds)
{
	uint8_t bytes[PACKET_BYTES] = { 0x45, 0, length >> 8, length & 0xff, 0, 0, 0, 0, 64, 17 };
	struct rte_mbuf *burst[BURST];
	uint64_t end = rte_get_timer_cycles() + milliseconds * rte_get_timer_hz() / 1000;
	uint64_t start = rte_get_timer_cycles();
	uint64_t count = 0;

	while (rte_get_timer_cycles() < end) {
		for (int i = 0; i < BURST; i++)
			burst[i] = packet_of(bytes, length);
		count += process(&outbound, burst, BURST);
		rte_pktmbuf_free_bulk(burst, BURST);
	}
	printf("%.0f\n", (double)count * rte_get_timer_hz() / (rte_get_timer_cycles() - start));
}

int main(int count, char **words)
{
	char *eal[] = { words[0], "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "128",
			"--log-level=error", "-l", "0" };
	uint8_t key[16], salt[4];

	need(count >= 3, "expected DRIVER serve, or DRIVER bench BYTES MS");
	need(rte_eal_init(RTE_DIM(eal), eal) >= 0, "EAL");
	/* As in testing/ipsec_bed.ts. */
	for (int i = 0; i < 16; i++)
		key[i] = 0x21 + 11 * i;
	for (int i = 0; i < 4; i++)
		salt[i] = 0xa1 + 11 * i;
	start_device(words[1]);
	open_session(&outbound, 1, key, salt);
	open_session(&inbound, 0, key, salt);
	if (strcmp(words[2], "serve") == 0)
		serve();
	else if (count >= 5)
		bench(atoi(words[3]), atoi(words[4]));
	return 0;
}
