/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Header fields that belong together by how their names begin, a row each: name in lower case, HeaderId,
 * match.
 *
 *   ANY    whatever begins so
 *   SELF   this name alone
 *
 * An underscore counts as "-" (CGI, WSGI, PHP and others read it so), and so does every other byte that is
 * neither letter nor digit.
 *
 * ADDRESS: what X-Forwarded-For is for one proxy, others call so; services that know them believe them.
 *
 * IDENTITY: a proxy that asks for the login tells its services in such fields who the user is, and they
 * believe it. No visitor of ours may say so; hagw asks for the login itself, and tells services no names.
 * Where the row is narrower than the vendor's names, the others are what clients honestly send
 * (X-Goog-Channel-ID, X-Amzn-Trace-Id, X-Ms-Version, X-Auth-Token, X-User-Id). Each row names who writes the
 * fields, or reads them. */
#define HEADER_FAMILIES(F)                                                                               \
        F("proxy", PROXY_ANY, SELF) /* httpoxy, CVE-2016-5385 */                                         \
        F("proxy-", PROXY_ANY, ANY)                                                                      \
        F("x-forwarded", X_FORWARDED_ANY, SELF)                                                          \
        F("x-forwarded-", X_FORWARDED_ANY, ANY) /* -User, -Email, -Groups too: oauth2-proxy */           \
        F("x-forward-for", ADDRESS_ANY, SELF)   /* the same, misspelt and read so */                     \
        F("x-original-remote-", ADDRESS_ANY, ANY) /* Apache's mod_remoteip guides */                     \
        F("x-originating-ip", ADDRESS_ANY, SELF) /* Exchange, some web mailers */                        \
        F("x-proxyuser-ip", ADDRESS_ANY, SELF)  /* Google's services */                                  \
        F("cf-connecting-ipv6", ADDRESS_ANY, SELF) /* Cloudflare */                                      \
        F("cf-pseudo-ipv4", ADDRESS_ANY, SELF)  /* Cloudflare */                                         \
        F("fly-client-ip", ADDRESS_ANY, SELF)   /* Fly.io */                                             \
        F("do-connecting-ip", ADDRESS_ANY, SELF) /* DigitalOcean */                                      \
        F("x-azure-clientip", ADDRESS_ANY, SELF) /* Azure Front Door */                                  \
        F("x-azure-socketip", ADDRESS_ANY, SELF) /* Azure Front Door */                                  \
        F("x-envoy-external-address", ADDRESS_ANY, SELF) /* Envoy, Istio */                              \
        F("x-nf-client-connection-ip", ADDRESS_ANY, SELF) /* Netlify */                                  \
        F("x-vercel-forwarded-for", ADDRESS_ANY, SELF) /* Vercel */                                      \
        F("wl-proxy-client-ip", ADDRESS_ANY, SELF) /* WebLogic's plug-ins */                             \
        F("x-hagw-", X_HAGW_ANY, ANY)           /* what hagw-proxyd tells hagw-webd */                   \
        F("x-hass-source", IDENTITY_ANY, SELF)  /* Home Assistant's Supervisor */                        \
        F("x-ingress-", IDENTITY_ANY, ANY)      /* the same, to add-ons */                               \
        F("x-remote-", IDENTITY_ANY, ANY)       /* the same; Kubernetes' and dex' authenticating proxies */ \
        F("remote-", IDENTITY_ANY, ANY)         /* Authelia; REMOTE_USER and REMOTE_ADDR of CGI */       \
        F("x-authentik-", IDENTITY_ANY, ANY)    /* authentik's outposts */                               \
        F("x-auth-request-", IDENTITY_ANY, ANY) /* oauth2-proxy, --set-xauthrequest */                   \
        F("x-user", IDENTITY_ANY, SELF)         /* oauth2-proxy's example for nginx, CloudBeaver */      \
        F("x-email", IDENTITY_ANY, SELF)        /* oauth2-proxy's example for nginx */                   \
        F("x-webauth-", IDENTITY_ANY, ANY)      /* read by Grafana's auth.proxy, Gitea, Forgejo */       \
        F("tailscale-", IDENTITY_ANY, ANY)      /* Tailscale Serve */                                    \
        F("cf-access-", IDENTITY_ANY, ANY)      /* Cloudflare Access */                                  \
        F("x-pomerium-", IDENTITY_ANY, ANY)     /* Pomerium */                                           \
        F("x-vouch-", IDENTITY_ANY, ANY)        /* Vouch Proxy */                                        \
        F("x-token-user-", IDENTITY_ANY, ANY)   /* caddy-security */                                     \
        F("x-token-subject", IDENTITY_ANY, SELF) /* the same */                                          \
        F("x-auth-user", IDENTITY_ANY, ANY)     /* louketo and gogatekeeper: -userid, -username */       \
        F("x-auth-subject", IDENTITY_ANY, SELF) /* the same, down to x-auth-audience */                  \
        F("x-auth-email", IDENTITY_ANY, SELF)                                                            \
        F("x-auth-roles", IDENTITY_ANY, SELF)                                                            \
        F("x-auth-groups", IDENTITY_ANY, SELF)                                                           \
        F("x-auth-audience", IDENTITY_ANY, SELF)                                                         \
        F("teleport-", IDENTITY_ANY, ANY)       /* Teleport's application access */                      \
        F("x-goog-authenticated-", IDENTITY_ANY, ANY) /* Google's Identity-Aware Proxy */                \
        F("x-goog-iap-", IDENTITY_ANY, ANY)     /* the same */                                           \
        F("x-appengine-", IDENTITY_ANY, ANY)    /* Google App Engine */                                  \
        F("x-amzn-oidc-", IDENTITY_ANY, ANY)    /* AWS' Application Load Balancer */                     \
        F("x-amzn-mtls-", IDENTITY_ANY, ANY)    /* the same, of client certificates */                   \
        F("x-ms-client-principal", IDENTITY_ANY, ANY) /* Azure App Service */                            \
        F("x-ms-token-", IDENTITY_ANY, ANY)     /* the same */                                           \
        F("x-arr-clientcert", IDENTITY_ANY, ANY) /* the same, of client certificates */                  \
        F("x-authenticated-", IDENTITY_ANY, ANY) /* Kong */                                              \
        F("x-consumer-", IDENTITY_ANY, ANY)     /* Kong */                                               \
        F("x-credential-", IDENTITY_ANY, ANY)   /* Kong */                                               \
        F("x-anonymous-consumer", IDENTITY_ANY, SELF) /* Kong */                                         \
        F("x-userinfo", IDENTITY_ANY, SELF)     /* Kong and APISIX, OpenID Connect */                    \
        F("x-jwt-assertion", IDENTITY_ANY, SELF) /* WSO2 API Manager */                                  \
        F("oidc-", IDENTITY_ANY, ANY)           /* mod_auth_openidc: OIDC_CLAIM_email */                 \
        F("mellon-", IDENTITY_ANY, ANY)         /* mod_auth_mellon: MELLON_NAME_ID */                    \
        F("shib-", IDENTITY_ANY, ANY)           /* Shibboleth, with ShibUseHeaders */                    \
        F("iv-", IDENTITY_ANY, ANY)             /* IBM Verify Access (WebSEAL) */                        \
        F("sm-user", IDENTITY_ANY, ANY)         /* SiteMinder: SM_USER, SM_USERDN */                     \
        F("sm-universalid", IDENTITY_ANY, SELF) /* the same */                                           \
        F("oam-remote-user", IDENTITY_ANY, ANY) /* Oracle Access Manager */                              \
        F("client-cert", IDENTITY_ANY, ANY)     /* RFC 9440: Client-Cert, Client-Cert-Chain */           \
        F("x-client-cert", IDENTITY_ANY, ANY)   /* guides for nginx and HAProxy */                       \
        F("ssl-client-", IDENTITY_ANY, ANY)     /* ingress-nginx; SSL_CLIENT_S_DN of mod_ssl */          \
        F("x-ssl-", IDENTITY_ANY, ANY)          /* HAProxy's examples: X-SSL-Client-CN */
