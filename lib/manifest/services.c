/* SPDX-License-Identifier: Apache-2.0 */
/* Names that may stand for ports: some of IANA's, by their names there. */
#include <string.h>
#include "manifest/schema.h"

/* In the tenant's guide, too. */
static const struct {
	const char *name;
	uint16_t port;
} services[] = {
    {"ftp", 21},
    {"ssh", 22},
    {"telnet", 23},
    {"smtp", 25},
    {"domain", 53},
    {"http", 80},
    {"kerberos", 88},
    {"pop3", 110},
    {"sunrpc", 111},
    {"ntp", 123},
    {"imap", 143},
    {"snmp", 161},
    {"snmptrap", 162},
    {"bgp", 179},
    {"ldap", 389},
    {"https", 443},
    {"submissions", 465},
    {"syslog", 514},
    {"submission", 587},
    {"ldaps", 636},
    {"domain-s", 853},
    {"rsync", 873},
    {"imaps", 993},
    {"pop3s", 995},
    {"socks", 1080},
    {"openvpn", 1194},
    {"ms-sql-s", 1433},
    {"radius", 1812},
    {"radius-acct", 1813},
    {"mqtt", 1883},
    {"nfs", 2049},
    {"etcd-client", 2379},
    {"etcd-server", 2380},
    {"mysql", 3306},
    {"ms-wbt-server", 3389},
    {"stun", 3478},
    {"sip", 5060},
    {"sips", 5061},
    {"xmpp-client", 5222},
    {"postgresql", 5432},
    {"amqps", 5671},
    {"amqp", 5672},
    {"redis", 6379},
    {"http-alt", 8080},
    {"secure-mqtt", 8883},
    {"memcache", 11211},
    {"mongodb", 27017},
};

uint16_t lm_service_port(const char *name)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (strcmp(services[i].name, name) == 0)
			return services[i].port;
	return 0;
}
