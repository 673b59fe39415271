/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert import: hagw-keyd gets the key, hagw-acmed the certificate. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hagw-ctl/certfiles.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/verbs.h"
#include "libhagw/log.h"
#include "libhagw/state.h"

/* A text that is wiped when it goes. */
static char *secret_free(char *p) {
        if (p)
                explicit_bzero(p, strlen(p));
        free(p);
        return NULL;
}
DEFINE_TRIVIAL_CLEANUP_FUNC(char *, secret_free)

static int read_file(const char *file, char **ret, size_t *ret_size) {
        struct stat st;
        int r;

        if (stat(file, &st) < 0)
                return log_error_errno(errno, "%s could not be read: %m", file);
        if (S_ISDIR(st.st_mode)) {
                log_error("%s is a folder; name the files in it that hold the certificate and its key.",
                          file);
                return -EISDIR;
        }
        if (S_ISREG(st.st_mode) && st.st_size == 0) {
                log_error("%s is empty.", file);
                return -ENODATA;
        }
        r = state_read(AT_FDCWD, file, ret, ret_size);
        if (r == -EBADMSG)
                log_error("%s is no plain file.", file);
        else if (r < 0)
                (void) log_error_errno(r, "%s could not be read: %m", file);
        return r;
}

static int complain(const char *file, int error, bool password) {
        switch (error) {
        case -EBADMSG:
                log_error("%s holds neither a certificate nor a private key, be it as PEM, DER or PKCS#12.",
                          file);
                break;
        case -EKEYREJECTED:
                log_error(password ? "%s is encrypted, and not with that password." :
                                     "%s is encrypted; give its password with --password-stdin.",
                          file);
                break;
        case -EEXIST:
                log_error("%s holds another private key than what came before; give one certificate and its "
                          "key.",
                          file);
                break;
        case -E2BIG:
                log_error("%s holds too many certificates; give one and its intermediates.", file);
                break;
        case -EOPNOTSUPP:
                log_error("%s is encrypted in a way that hagw does not know; \"openssl pkey\" or \"openssl "
                          "pkcs12\" can write it anew.",
                          file);
                break;
        default:
                return log_error_errno(error, "%s could not be read: %m", file);
        }
        return error;
}

/* The password is asked for when a file wants one; the others may have the same. */
static int add_file(const Call *call, CertFiles *f, const char *file, char **password) {
        _cleanup_free_ char *question = NULL;
        char *data;
        size_t size;
        int r;

        r = read_file(file, &data, &size);
        if (r < 0)
                return r;
        r = certfiles_add(f, data, size, *password);
        if (r == -EKEYREJECTED && !*password && (call_option(call, "password-stdin") || prompt_possible())) {
                if (asprintf(&question, "Password of %s", file) < 0)
                        question = NULL;
                r = passphrase_read(strempty(question), !!call_option(call, "password-stdin"), password);
                if (r >= 0)
                        r = certfiles_add(f, data, size, *password);
                else
                        goto finish;
        }
        if (r < 0)
                (void) complain(file, r, !!*password);
finish:
        explicit_bzero(data, size);
        free(data);
        return r;
}

static int gather(const Call *call, CertFiles *f) {
        _cleanup_(secret_freep) char *password = NULL;
        int r;

        for (unsigned i = 0; i < call->n_arguments; i++) {
                r = add_file(call, f, call->arguments[i], &password);
                if (r < 0)
                        return r;
        }
        r = certfiles_sort(f);
        if (r == -ENOKEY)
                log_error("There is a certificate, and no private key; name the file with the key as well.");
        else if (r == -ENODATA)
                log_error("There is a private key, and no certificate; name the file with the certificate "
                          "as well.");
        else if (r == -ESRCH)
                log_error("The private key is not the one of the certificate.");
        return r;
}

static int remark(const CertFiles *f) {
        for (unsigned i = f->n_chain; i < f->n; i++) {
                _cleanup_free_ char *name = certfiles_name(f, i, /* issuer= */ false);

                if (!name)
                        return log_oom();
                if (i > f->n_chain || !f->has_root)
                        log_warning("\"%s\" is no part of the chain, and was left out.", name);
        }
        if (certfiles_lacks_issuer(f)) {
                _cleanup_free_ char *issuer = certfiles_name(f, 0, /* issuer= */ true);

                if (!issuer)
                        return log_oom();
                log_warning("The certificate came alone, and its issuer \"%s\" is none that this machine "
                            "trusts: browsers that do not know it refuse it. If that is an intermediate, "
                            "import again and name the file with it as well.",
                            issuer);
        }
        return 0;
}

static int import_key(const CertFiles *f, char **ret_id) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *reply = NULL;
        _cleanup_(secret_freep) char *pem = NULL;
        int r;

        r = certfiles_key_to_pem(f, &pem);
        if (r < 0)
                return log_error_errno(r, "The private key could not be read: %m");
        r = sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("purpose", SD_JSON_BUILD_STRING("tls")),
                           SD_JSON_BUILD_PAIR("pem", SD_JSON_BUILD_STRING(pem)));
        if (r < 0)
                return log_oom();
        sd_json_variant_sensitive(parameters);
        r = client_call("io.hagw.Key.Import", parameters, &reply);
        if (r < 0)
                return r;
        *ret_id = strdup(strempty(field_text(sd_json_variant_by_key(reply, "key"), "id")));
        return *ret_id ? 0 : log_oom();
}

static bool key_is_known(const char *id, sd_json_variant *keys) {
        for (size_t i = 0; i < field_count(keys, "keys"); i++)
                if (streq(strempty(field_text(field_element(keys, "keys", i), "id")), id))
                        return true;
        return false;
}

static int import(const CertFiles *f, sd_json_variant *keys, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        _cleanup_free_ char *chain = NULL, *id = NULL;
        int r;

        if (certfiles_chain_to_pem(f, &chain) < 0)
                return log_oom();
        r = import_key(f, &id);
        if (r < 0)
                return r;
        assert(id);
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("chain", SD_JSON_BUILD_STRING(chain)),
                           SD_JSON_BUILD_PAIR("keyId", SD_JSON_BUILD_STRING(id))) < 0)
                return log_oom();
        r = client_call("io.hagw.Acme.Import", parameters, ret);
        if (r < 0 && !key_is_known(id, keys))
                cert_forget_key(id);
        return r;
}

int verb_cert_import(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *keys = NULL, *reply = NULL;
        _cleanup_certfiles_ CertFiles f = {};
        _cleanup_free_ char *names = NULL;
        int r;

        /* Who may not ask, or nobody to be asked, is told before a file is read or a password asked for. */
        r = client_call("io.hagw.Key.List", NULL, &keys);
        if (r >= 0)
                r = gather(call, &f);
        if (r >= 0)
                r = import(&f, keys, &reply);
        if (r < 0)
                return r;
        r = remark(&f);
        if (r < 0)
                return r;
        if (call->json)
                return output_json(reply) < 0 ? CTL_FAILED : CTL_OK;
        names = field_joined(sd_json_variant_by_key(reply, "certificate"), "names");
        output_sentences("Imported, for %s. It is not renewed by hagw: import the next one before it "
                         "ends.\n",
                         strempty(names));
        return CTL_OK;
}
