/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-keyd answers; tests/idl/io.hagw.Key.varlink is its text. */

#include "libhagw/vl-io.hagw.Key.h"

static SD_VARLINK_DEFINE_ENUM_TYPE(Purpose,
                                   SD_VARLINK_FIELD_COMMENT("Signs TLS handshakes and certificate requests"),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(tls),
                                   SD_VARLINK_FIELD_COMMENT("Signs what is said to a certificate authority"),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(account));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        KeyInfo,
        SD_VARLINK_FIELD_COMMENT(
                "Hexadecimal, made from the public key: the same key always has the same id"),
        SD_VARLINK_DEFINE_FIELD(id, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(purpose, Purpose, 0),
        SD_VARLINK_FIELD_COMMENT("\"ecdsa-p256\", \"ecdsa-p384\", \"rsa-2048\", \"rsa-3072\", \"rsa-4096\""),
        SD_VARLINK_DEFINE_FIELD(algorithm, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("When it was generated or imported, CLOCK_REALTIME"),
        SD_VARLINK_DEFINE_FIELD(createdUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("base64 of the DER SubjectPublicKeyInfo (RFC 5280 section 4.1)"),
        SD_VARLINK_DEFINE_FIELD(publicKey, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(imported, SD_VARLINK_BOOL, 0));

static SD_VARLINK_DEFINE_METHOD(Generate, SD_VARLINK_DEFINE_INPUT_BY_TYPE(purpose, Purpose, 0),
                                SD_VARLINK_FIELD_COMMENT("As in KeyInfo; ecdsa-p256 where null"),
                                SD_VARLINK_DEFINE_INPUT(algorithm, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
                                SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(key, KeyInfo, 0));

static SD_VARLINK_DEFINE_METHOD(
        Import, SD_VARLINK_DEFINE_INPUT_BY_TYPE(purpose, Purpose, 0),
        SD_VARLINK_FIELD_COMMENT("PKCS#8, PKCS#1 or SEC1, not encrypted; at most 32 KiB"),
        SD_VARLINK_DEFINE_INPUT(pem, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(key, KeyInfo, 0));

static SD_VARLINK_DEFINE_METHOD(
        List, SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(keys, KeyInfo, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("Files in the key directory that hold no usable key and were set aside"),
        SD_VARLINK_DEFINE_OUTPUT(broken, SD_VARLINK_STRING, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(Get, SD_VARLINK_DEFINE_INPUT(id, SD_VARLINK_STRING, 0),
                                SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(key, KeyInfo, 0));

static SD_VARLINK_DEFINE_METHOD(Remove, SD_VARLINK_DEFINE_INPUT(id, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        SignHandshake, SD_VARLINK_DEFINE_INPUT(id, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("SignatureScheme's name (RFC 8446 section 4.2.3), e.g. "
                                 "ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256"),
        SD_VARLINK_DEFINE_INPUT(scheme, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("base64 of what RFC 8446 section 4.4.3 (TLS 1.3) or RFC 8422 section 5.4 "
                                 "(TLS 1.2) says is signed, before hashing"),
        SD_VARLINK_DEFINE_INPUT(data, SD_VARLINK_STRING, 0), SD_VARLINK_FIELD_COMMENT("base64"),
        SD_VARLINK_DEFINE_OUTPUT(signature, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        SignJws, SD_VARLINK_DEFINE_INPUT(id, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The header as JSON text with url and perhaps nonce; this method adds alg "
                                 "and jwk (where includeKey is true, else it must carry kid)"),
        SD_VARLINK_DEFINE_INPUT(protected, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("JSON text with what a request of hagw-acmed has, and nothing else; empty "
                                 "for POST-as-GET (RFC 8555 section 6.3)"),
        SD_VARLINK_DEFINE_INPUT(payload, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_INPUT(includeKey, SD_VARLINK_BOOL, 0),
        SD_VARLINK_DEFINE_OUTPUT(jws, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        SignKeyChange, SD_VARLINK_FIELD_COMMENT("The key that the account has"),
        SD_VARLINK_DEFINE_INPUT(id, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The one that it gets"),
        SD_VARLINK_DEFINE_INPUT(newId, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The account's URL"),
        SD_VARLINK_DEFINE_INPUT(account, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Where the authority takes such requests"),
        SD_VARLINK_DEFINE_INPUT(url, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_INPUT(nonce, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(jws, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        SignRevocation, SD_VARLINK_FIELD_COMMENT("An account's key, or the certificate's own"),
        SD_VARLINK_DEFINE_INPUT(id, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Where the authority takes such requests"),
        SD_VARLINK_DEFINE_INPUT(url, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_INPUT(nonce, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("base64 of the DER"),
        SD_VARLINK_DEFINE_INPUT(certificate, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("CRLReason (RFC 5280 section 5.3.1): 0, 1, 3, 4 or 5"),
        SD_VARLINK_DEFINE_INPUT(reason, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("The account's URL; null with the certificate's own key, which goes along"),
        SD_VARLINK_DEFINE_INPUT(kid, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT(jws, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        GetPublicJwk, SD_VARLINK_DEFINE_INPUT(id, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The key as JSON text in the canonical form of RFC 7638"),
        SD_VARLINK_DEFINE_OUTPUT(jwk, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("base64url of its SHA-256, for key authorizations (RFC 8555 section 8.1)"),
        SD_VARLINK_DEFINE_OUTPUT(thumbprint, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        MakeRequest, SD_VARLINK_DEFINE_INPUT(id, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("DNS names, 1 to 100; all stand in subjectAltName, the subject is empty"),
        SD_VARLINK_DEFINE_INPUT(names, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("base64 of the DER"), SD_VARLINK_DEFINE_OUTPUT(csr, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        PrepareToken,
        SD_VARLINK_FIELD_COMMENT("base64 of the SHA-256 of the secret, for the relay's Enrol"),
        SD_VARLINK_DEFINE_OUTPUT(storedKey, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(AdoptToken, SD_VARLINK_DEFINE_INPUT(tenant, SD_VARLINK_STRING, 0),
                                SD_VARLINK_DEFINE_INPUT(tokenId, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(ImportToken, SD_VARLINK_FIELD_COMMENT("hagw_TENANT_ID_SECRET"),
                                SD_VARLINK_DEFINE_INPUT(token, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(RemoveToken);

static SD_VARLINK_DEFINE_METHOD(
        GetToken, SD_VARLINK_DEFINE_OUTPUT(tenant, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(tokenId, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("When it was adopted or imported, CLOCK_REALTIME; missing where it is the "
                                 "credential hagw.relay-token"),
        SD_VARLINK_DEFINE_OUTPUT(createdUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(
        ProveToken,
        SD_VARLINK_FIELD_COMMENT("base64 of 32 bytes, the connection's binding (docs/relay-protocol.md)"),
        SD_VARLINK_DEFINE_INPUT(binding, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(tenant, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(tokenId, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("base64 of 32 bytes, good on that connection only"),
        SD_VARLINK_DEFINE_OUTPUT(proof, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_ERROR(NoToken);
static SD_VARLINK_DEFINE_ERROR(NoSuchKey, SD_VARLINK_DEFINE_FIELD(id, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(NotATlsHandshake);
static SD_VARLINK_DEFINE_ERROR(WrongPurpose, SD_VARLINK_DEFINE_FIELD(id, SD_VARLINK_STRING, 0),
                               SD_VARLINK_FIELD_COMMENT("What the key is for"),
                               SD_VARLINK_DEFINE_FIELD_BY_TYPE(purpose, Purpose, 0));
static SD_VARLINK_DEFINE_ERROR(BadKey, SD_VARLINK_DEFINE_FIELD(reason, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(BadHeader, SD_VARLINK_DEFINE_FIELD(reason, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(BadName, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(BadPayload, SD_VARLINK_DEFINE_FIELD(reason, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(Busy);
static SD_VARLINK_DEFINE_ERROR(KeysFull, SD_VARLINK_DEFINE_FIELD(limit, SD_VARLINK_INT, 0));

SD_VARLINK_DEFINE_INTERFACE(
        io_hagw_Key, "io.hagw.Key",
        SD_VARLINK_INTERFACE_COMMENT(
                "The only process that holds private keys and the relay token. Nothing here ever returns "
                "one."),
        SD_VARLINK_SYMBOL_COMMENT("What a key may be used for; one key, one purpose"), &vl_type_Purpose,
        SD_VARLINK_SYMBOL_COMMENT("The public side of a key"), &vl_type_KeyInfo,
        SD_VARLINK_SYMBOL_COMMENT("Makes a new key. hagw-acmed only."), &vl_method_Generate,
        SD_VARLINK_SYMBOL_COMMENT(
                "Takes over an existing PEM private key; the same key twice gives the same id. Root only."),
        &vl_method_Import, SD_VARLINK_SYMBOL_COMMENT("All keys. hagw-acmed and hagw-webd only."),
        &vl_method_List, SD_VARLINK_SYMBOL_COMMENT("One key. hagw-acmed and hagw-proxyd only."),
        &vl_method_Get, SD_VARLINK_SYMBOL_COMMENT("Forgets a key for ever. hagw-acmed only."),
        &vl_method_Remove,
        SD_VARLINK_SYMBOL_COMMENT(
                "Signs a TLS handshake with a tls key, and nothing that is not one. hagw-proxyd only."),
        &vl_method_SignHandshake,
        SD_VARLINK_SYMBOL_COMMENT("A JWS in flattened JSON serialization (RFC 7515 section 7.2.2) with an "
                                  "account key. hagw-acmed only."),
        &vl_method_SignJws,
        SD_VARLINK_SYMBOL_COMMENT("Gives an account another key that is held here (RFC 8555 section 7.3.5): "
                                  "a JWS by the old one around a JWS by the new one. hagw-acmed only."),
        &vl_method_SignKeyChange,
        SD_VARLINK_SYMBOL_COMMENT("Revokes a certificate (RFC 8555 section 7.6). A tls key ends no "
                                  "certificate but its own. hagw-acmed only."),
        &vl_method_SignRevocation,
        SD_VARLINK_SYMBOL_COMMENT("The public side of an account key as a JWK (RFC 7517). hagw-acmed only."),
        &vl_method_GetPublicJwk,
        SD_VARLINK_SYMBOL_COMMENT(
                "A PKCS#10 request (RFC 2986) for DNS names, signed with a tls key. hagw-acmed only."),
        &vl_method_MakeRequest,
        SD_VARLINK_SYMBOL_COMMENT("Makes a secret for a relay and keeps it until it is adopted; one that "
                                  "was prepared before is forgotten. Root only."),
        &vl_method_PrepareToken,
        SD_VARLINK_SYMBOL_COMMENT(
                "The relay has admitted the prepared secret under this name: it is the token now. Root "
                "only."),
        &vl_method_AdoptToken, SD_VARLINK_SYMBOL_COMMENT("Takes over a token as it is written. Root only."),
        &vl_method_ImportToken,
        SD_VARLINK_SYMBOL_COMMENT("Forgets the token for ever; a credential stays. Root only."),
        &vl_method_RemoveToken,
        SD_VARLINK_SYMBOL_COMMENT("Whose token it is. Root and hagw-proxyd only."), &vl_method_GetToken,
        SD_VARLINK_SYMBOL_COMMENT("The token's proof for one connection to the relay. hagw-proxyd only."),
        &vl_method_ProveToken, SD_VARLINK_SYMBOL_COMMENT("No relay token is held, or none is prepared"),
        &vl_error_NoToken, SD_VARLINK_SYMBOL_COMMENT("There is no key of that id"), &vl_error_NoSuchKey,
        SD_VARLINK_SYMBOL_COMMENT("The data is not what a server signs in a TLS handshake, or the scheme "
                                  "does not fit the key"),
        &vl_error_NotATlsHandshake, SD_VARLINK_SYMBOL_COMMENT("The key is for something else"),
        &vl_error_WrongPurpose,
        SD_VARLINK_SYMBOL_COMMENT("Not a private key, or of a kind that is not taken"), &vl_error_BadKey,
        SD_VARLINK_SYMBOL_COMMENT("The JWS header cannot be signed"), &vl_error_BadHeader,
        SD_VARLINK_SYMBOL_COMMENT("Not a DNS name, or too many of them"), &vl_error_BadName,
        SD_VARLINK_SYMBOL_COMMENT("No further key is taken until one is removed"), &vl_error_KeysFull,
        SD_VARLINK_SYMBOL_COMMENT("The payload is none that a request of hagw-acmed has, or its certificate "
                                  "request is not for a key that is held here and signed with it, or the "
                                  "certificate is not that key's to revoke"),
        &vl_error_BadPayload,
        SD_VARLINK_SYMBOL_COMMENT("Too many calls are waiting already, this key is being written or "
                                  "removed, or hagw-keyd is about to end; try again"),
        &vl_error_Busy);
