/*
 * mqtt_tls.c - builds the TLS context of one connection, and notes why a handshake failed.
 *
 * Why:   see mqtt_tls.h.
 * Owns:  the SSL_CTX; certificates and keys only while it builds.
 * Rules: 1. Files are read once, whole, and parsed from memory: what was checked is what is used.
 *        2. OpenSSL's error queue is empty whenever a function of this file returns.
 *        3. The first finding of the verification is the one that is told: later ones follow from it.
 *        4. Callbacks only note; nothing is decided in them but "not verified".
 * Faults: absent, unreadable, empty or damaged files, wrong passwords, keys of other certificates: ERR_* with
 *         a sentence.
 * Runs in: the uplink child.
 * Tests: tests/integration/test_mqtt_role.py
 */
#include "connector/uplink/mqtt_tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define FILE_BYTES_MAX (1024u * 1024u)
#define NS_PER_S       INT64_C(1000000000)
#define TIME_TEXT      32
#define NAMES_TEXT     200

struct mqtt_tls {
	SSL_CTX *context;
	struct port *port;
	char host[UPLINK_NAME_BYTES_MAX + 1];
	char ca_file[UPLINK_NAME_BYTES_MAX + 1];
	char certificate_file[UPLINK_NAME_BYTES_MAX + 1];
	char own_end[TIME_TEXT]; /* of our certificate, if it has one and is over */
	/* What the handshake showed. */
	bool established;
	char version[16];
	int alert;        /* fatal alert of the broker, 0: none */
	int verify_error; /* X509_V_ERR_*, 0: none */
	int depth;        /* of the certificate it is about; 0: the broker's own */
	char subject[NAMES_TEXT];
	char issuer[NAMES_TEXT];
	char names[NAMES_TEXT]; /* that the certificate is for */
	char begin[TIME_TEXT];
	char end[TIME_TEXT];
};

/* What PEM_read_bio_PrivateKey() asks its password of. */
struct password {
	const struct secret *secret; /* NULL: none is configured */
	bool asked;
};

static void time_text(const ASN1_TIME *time, char text[TIME_TEXT])
{
	struct tm tm;
	if (time && ASN1_TIME_to_tm(time, &tm))
		(void)snprintf(text, TIME_TEXT, "%04d-%02d-%02d %02d:%02d UTC", (tm.tm_year + 1900) % 10000,
		               (tm.tm_mon + 1) % 100, tm.tm_mday % 100, tm.tm_hour % 100, tm.tm_min % 100);
	else
		(void)snprintf(text, TIME_TEXT, "an unreadable time");
}

static void clock_text(const struct mqtt_tls *tls, char text[TIME_TEXT])
{
	ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)(port_wall_ns(tls->port) / NS_PER_S));
	time_text(now, text);
	ASN1_TIME_free(now);
}

/* A distinguished name as one line of printable characters, cut where it does not fit. */
static void name_text(const X509_NAME *name, char *text, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	text[0] = 0;
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		char *data = NULL;
		long len = BIO_get_mem_data(bio, &data);
		if (len > 0)
			(void)snprintf(text, size, "%.*s", (int)len, data);
	}
	BIO_free(bio);
}

/* The DNS names and addresses of subjectAltName, blank separated. */
static void alternative_names(X509 *certificate, char *text, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t used = 0;
	text[0] = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		char one[NAMES_TEXT] = "";
		if (name->type == GEN_DNS) {
			(void)snprintf(one, sizeof one, "%.*s", ASN1_STRING_length(name->d.dNSName),
			               (const char *)ASN1_STRING_get0_data(name->d.dNSName));
		} else if (name->type == GEN_IPADD && ASN1_STRING_length(name->d.iPAddress) == 4) {
			const unsigned char *b = ASN1_STRING_get0_data(name->d.iPAddress);
			(void)snprintf(one, sizeof one, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
		}
		size_t len = strlen(one);
		if (len == 0 || used + len + 2 > size)
			continue;
		(void)snprintf(text + used, size - used, "%s%s", used ? " " : "", one);
		used = strlen(text);
	}
	GENERAL_NAMES_free(names);
}

static int on_verify(int good, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct mqtt_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	if (good || tls->verify_error != X509_V_OK)
		return good;
	X509 *certificate = X509_STORE_CTX_get_current_cert(store);
	tls->verify_error = X509_STORE_CTX_get_error(store);
	tls->depth = X509_STORE_CTX_get_error_depth(store);
	if (certificate) {
		name_text(X509_get_subject_name(certificate), tls->subject, sizeof tls->subject);
		name_text(X509_get_issuer_name(certificate), tls->issuer, sizeof tls->issuer);
		alternative_names(certificate, tls->names, sizeof tls->names);
		time_text(X509_get0_notBefore(certificate), tls->begin);
		time_text(X509_get0_notAfter(certificate), tls->end);
	}
	return 0;
}

/* A broker that refuses us says why (a TLS alert, an MQTT DISCONNECT) and closes; a write of ours that meets
 * the closed connection first would hide it, because libmosquitto then closes too. So a write that fails for
 * good is told as done: reading, which always follows, hears the last words first and then the same end. */
static long on_bio(BIO *bio, int operation, const char *data, size_t len, int i, long l, int result,
                   size_t *written)
{
	(void)data;
	(void)i;
	(void)l;
	if (operation != (BIO_CB_WRITE | BIO_CB_RETURN) || result > 0 || BIO_should_retry(bio) || !written)
		return result;
	*written = len;
	return 1;
}

static void on_info(const SSL *ssl, int where, int value)
{
	struct mqtt_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	if (where & SSL_CB_HANDSHAKE_START)
		BIO_set_callback_ex(SSL_get_wbio(ssl), on_bio);
	if (where & SSL_CB_HANDSHAKE_DONE) {
		tls->established = true;
		(void)snprintf(tls->version, sizeof tls->version, "%s", SSL_get_version(ssl));
	}
	/* The high byte is the level: 2 is fatal (RFC 8446, section 6); close_notify is not of interest. */
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
		tls->alert = value & 0xff;
}

static int on_password(char *out, int size, int writing, void *self)
{
	struct password *password = self;
	(void)writing;
	password->asked = true;
	if (!password->secret || password->secret->len > (size_t)size)
		return -1;
	memcpy(out, password->secret->bytes, password->secret->len);
	return (int)password->secret->len;
}

/* Reads a file into a memory BIO that borrows from buf. */
static enum err read_pem(struct mqtt_tls *tls, const char *key, const char *path, struct buf *buf, BIO **bio,
                         struct err_info *info)
{
	struct err_info why = {0};
	buf_clear(buf);
	enum err err = port_read_file(tls->port, path, buf, &why);
	if (err != ERR_OK)
		return err_set(info, err, "uplink.%s: %.400s", key, why.text);
	if (buf->len == 0)
		return err_set(info, ERR_BAD_INPUT, "uplink.%s: %s is empty; it must hold PEM text", key,
		               path);
	*bio = BIO_new_mem_buf(buf->data, (int)buf->len);
	CHECK(*bio != NULL);
	return ERR_OK;
}

static enum err load_ca(struct mqtt_tls *tls, struct buf *buf, struct err_info *info)
{
	BIO *bio = NULL;
	enum err err = read_pem(tls, "ca_file", tls->ca_file, buf, &bio, info);
	if (err != ERR_OK)
		return err;
	int count = 0;
	for (X509 *certificate; (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL; count++) {
		(void)X509_STORE_add_cert(SSL_CTX_get_cert_store(tls->context), certificate);
		X509_free(certificate);
	}
	BIO_free(bio);
	if (count == 0)
		return err_set(
		    info, ERR_BAD_INPUT,
		    "uplink.ca_file: %s holds no certificate that can be read; it must hold the PEM "
		    "certificate of the CA that signed the broker's",
		    tls->ca_file);
	return ERR_OK;
}

/* The first certificate is ours, the others are sent with it. */
static enum err load_certificate(struct mqtt_tls *tls, struct buf *buf, struct err_info *info)
{
	BIO *bio = NULL;
	enum err err = read_pem(tls, "certificate_file", tls->certificate_file, buf, &bio, info);
	if (err != ERR_OK)
		return err;
	X509 *own = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (!own || SSL_CTX_use_certificate(tls->context, own) != 1)
		err = err_set(
		    info, ERR_BAD_INPUT,
		    "uplink.certificate_file: %s holds no certificate that can be used; it must hold our PEM "
		    "certificate first, then those between it and the CA",
		    tls->certificate_file);
	if (own && X509_cmp_time(X509_get0_notAfter(own),
	                         &(time_t){(time_t)(port_wall_ns(tls->port) / NS_PER_S)}) < 0)
		time_text(X509_get0_notAfter(own), tls->own_end);
	X509 *next = NULL;
	while (err == ERR_OK && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (SSL_CTX_add_extra_chain_cert(tls->context, next) != 1) /* takes it */
			X509_free(next);
	}
	X509_free(own);
	BIO_free(bio);
	return err;
}

static enum err use_key(struct mqtt_tls *tls, const char *path, BIO *bio, struct password *password,
                        struct err_info *info)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, on_password, password);
	enum err err = ERR_OK;
	if (!key && password->asked && !password->secret)
		err = err_set(info, ERR_DENIED,
		              "uplink.key_file: %s is encrypted and uplink.key_password is not set; set it, "
		              "or store the "
		              "key without a password",
		              path);
	else if (!key && password->asked)
		err = err_set(info, ERR_DENIED,
		              "uplink.key_file: %s cannot be decrypted; uplink.key_password is wrong", path);
	else if (!key)
		err = err_set(info, ERR_BAD_INPUT,
		              "uplink.key_file: %s holds no private key that can be read (PEM)", path);
	else if (X509_check_private_key(SSL_CTX_get0_certificate(tls->context), key) != 1)
		err = err_set(info, ERR_CONFLICT,
		              "uplink.key_file: %s is not the key of %s; the two must be made together", path,
		              tls->certificate_file);
	else if (SSL_CTX_use_PrivateKey(tls->context, key) != 1)
		err = err_set(info, ERR_UNSUPPORTED, "uplink.key_file: TLS does not accept the key in %s",
		              path);
	EVP_PKEY_free(key);
	return err;
}

static enum err load_key(struct mqtt_tls *tls, const struct uplink_connect *connect, struct buf *buf,
                         struct err_info *info)
{
	char path[UPLINK_NAME_BYTES_MAX + 1];
	struct secret secret = {0};
	struct password password = {0};
	struct err_info why = {0};
	BIO *bio = NULL;
	if (!text_copy(path, sizeof path, connect->key_file) || path[0] == 0)
		return err_set(info, ERR_BAD_INPUT,
		               "uplink.key_file is not set; it belongs to uplink.certificate_file");
	enum err err = ERR_OK;
	if (connect->key_password.kind != SECRET_NONE) {
		err = port_secret(tls->port, &connect->key_password, &secret, &why);
		if (err != ERR_OK) {
			(void)err_set(info, err, "uplink.key_password: %.400s", why.text);
			goto out;
		}
		password.secret = &secret;
	}
	err = read_pem(tls, "key_file", path, buf, &bio, info);
	if (err == ERR_OK)
		err = use_key(tls, path, bio, &password, info);
out:
	BIO_free(bio);
	secret_release(&secret);
	if (buf->len > 0)
		OPENSSL_cleanse(buf->data, buf->len);
	return err;
}

/* Whom the certificate must name: OpenSSL checks it as part of the verification (rule 1). */
static void expect_host(struct mqtt_tls *tls)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls->context);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (X509_VERIFY_PARAM_set1_ip_asc(param, tls->host) != 1)
		CHECK(X509_VERIFY_PARAM_set1_host(param, tls->host, 0) == 1);
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, on_verify);
}

static void set_alpn(struct mqtt_tls *tls, struct span alpn)
{
	unsigned char wire[UINT8_MAX + 1];
	if (alpn.len == 0)
		return;
	CHECK(alpn.len <= UINT8_MAX);
	wire[0] = (unsigned char)alpn.len;
	memcpy(wire + 1, alpn.data, alpn.len);
	CHECK(SSL_CTX_set_alpn_protos(tls->context, wire, (unsigned)alpn.len + 1) == 0);
}

enum err mqtt_tls_new(struct mqtt_tls **out, struct port *port, const struct uplink_connect *connect,
                      struct err_info *info)
{
	struct mqtt_tls *tls = mem_alloc(sizeof *tls);
	struct buf buf;
	buf_init(&buf, FILE_BYTES_MAX);
	*out = NULL;
	tls->port = port;
	CHECK(text_copy(tls->host, sizeof tls->host, connect->host));
	CHECK(text_copy(tls->ca_file, sizeof tls->ca_file, connect->ca_file));
	CHECK(text_copy(tls->certificate_file, sizeof tls->certificate_file, connect->certificate_file));
	tls->context = SSL_CTX_new(TLS_client_method());
	CHECK(tls->context != NULL);
	(void)SSL_CTX_set_app_data(tls->context, tls);
	CHECK(SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) == 1);
	(void)SSL_CTX_set_options(tls->context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	/* The broker sends each PUBACK as a record of its own: one read(2) takes many of them. The reader of
	 * the connection must ask mqtt_tls_holds_input(). */
	SSL_CTX_set_read_ahead(tls->context, 1);
	SSL_CTX_set_info_callback(tls->context, on_info);
	expect_host(tls);
	set_alpn(tls, connect->alpn);
	enum err err = load_ca(tls, &buf, info);
	if (err == ERR_OK && connect->certificate_file.len > 0)
		err = load_certificate(tls, &buf, info);
	if (err == ERR_OK && connect->certificate_file.len > 0)
		err = load_key(tls, connect, &buf, info);
	ERR_clear_error();
	buf_release(&buf);
	if (err == ERR_OK)
		*out = tls;
	else
		mqtt_tls_free(tls);
	return err;
}

void mqtt_tls_free(struct mqtt_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	free(tls);
}

void *mqtt_tls_context(struct mqtt_tls *tls)
{
	return tls->context;
}

bool mqtt_tls_established(const struct mqtt_tls *tls)
{
	return tls->established;
}

bool mqtt_tls_waits_for_peer(const struct mqtt_tls *tls, void *ssl)
{
	return ssl && !tls->established && SSL_want((const SSL *)ssl) == SSL_READING;
}

bool mqtt_tls_holds_input(void *ssl)
{
	return ssl && SSL_has_pending((const SSL *)ssl) == 1;
}

const char *mqtt_tls_version(const struct mqtt_tls *tls)
{
	return tls->version;
}

static void explain_verify(const struct mqtt_tls *tls, char *text, size_t size)
{
	const char *whose =
	    tls->depth == 0 ? "the broker's certificate" : "a CA certificate above the broker's";
	char now[TIME_TEXT];
	clock_text(tls, now);
	switch (tls->verify_error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		(void)snprintf(text, size,
		               "%s (%s) has expired on %s, and the clock here says %s; renew the "
		               "certificate, or set the "
		               "clock if it is wrong",
		               whose, tls->subject, tls->end, now);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		(void)snprintf(text, size,
		               "%s (%s) is not yet valid: it begins on %s, and the clock here says %s; set "
		               "the clock, or "
		               "wait, or renew the certificate",
		               whose, tls->subject, tls->begin, now);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		(void)snprintf(
		    text, size,
		    "the broker's certificate is for the wrong host name: it is for %s, not for %s; set "
		    "uplink.host to a name in the certificate, or renew it with this name",
		    tls->names[0] ? tls->names : tls->subject, tls->host);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		(void)snprintf(text, size,
		               "%s (%s) is signed by an unknown CA (%s): not one of those in %s; put the "
		               "broker's CA into "
		               "uplink.ca_file if you trust it",
		               whose, tls->subject, tls->issuer, tls->ca_file);
		break;
	case X509_V_ERR_INVALID_PURPOSE:
		(void)snprintf(text, size,
		               "%s (%s) is not made for a server; it needs the extended key usage serverAuth",
		               whose, tls->subject);
		break;
	default:
		(void)snprintf(text, size, "%s (%s) is not accepted: %s", whose, tls->subject,
		               X509_verify_cert_error_string(tls->verify_error));
		break;
	}
}

/* What a fatal alert of the broker means (RFC 8446, section 6.2). */
static const char *alert_meaning(int alert)
{
	switch (alert) {
	case SSL_AD_CERTIFICATE_REQUIRED:
		return "it demands a client certificate; set uplink.certificate_file and uplink.key_file";
	case SSL_AD_UNKNOWN_CA:
		return "it does not know the CA of our certificate; use one that the broker's CA has signed";
	case SSL_AD_CERTIFICATE_EXPIRED:
		return "it holds our certificate for expired; renew it (or the broker's clock is wrong)";
	case SSL_AD_CERTIFICATE_REVOKED:
		return "it says that our certificate was revoked; use a new one";
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_ACCESS_DENIED:
	case SSL_AD_DECRYPT_ERROR:
		return "it refuses our certificate; its log says why";
	case SSL_AD_PROTOCOL_VERSION:
	case SSL_AD_INSUFFICIENT_SECURITY:
		return "it has no TLS version or cipher that is safe enough; it must speak TLS 1.2 or 1.3";
	case SSL_AD_HANDSHAKE_FAILURE:
		return "no common cipher, or it demands a client certificate; its log says which";
	case SSL_AD_NO_APPLICATION_PROTOCOL:
		return "it does not know the protocol of uplink.alpn";
	case SSL_AD_UNRECOGNIZED_NAME:
		return "it does not know the host name; check uplink.host";
	default:
		return "its log says why";
	}
}

bool mqtt_tls_problem(const struct mqtt_tls *tls, char *text, size_t size)
{
	if (tls->verify_error != X509_V_OK) {
		explain_verify(tls, text, size);
		return true;
	}
	if (tls->alert == 0)
		return false;
	char own[128] = "";
	if (tls->own_end[0])
		(void)snprintf(own, sizeof own, " (our certificate has expired on %s)", tls->own_end);
	bool missing = tls->certificate_file[0] == 0;
	/* OpenSSL 3.0 has no words for the alert of TLS 1.3. */
	const char *words = tls->alert == SSL_AD_CERTIFICATE_REQUIRED
	                        ? "certificate required"
	                        : SSL_alert_desc_string_long(tls->alert);
	(void)snprintf(
	    text, size, "the broker ended the TLS handshake with alert %d, %s: %s%s", tls->alert, words,
	    missing && tls->alert == SSL_AD_HANDSHAKE_FAILURE ? alert_meaning(SSL_AD_CERTIFICATE_REQUIRED)
							      : alert_meaning(tls->alert),
	    own);
	return true;
}
