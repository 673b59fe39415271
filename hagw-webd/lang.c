/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The translations, and which one a visitor gets. Tables only. Pure. */

#include <strings.h>

#include "lang.h"

#define ACCEPT_MAX 256U /* characters of Accept-Language that are looked at */

static const char *const names[_TEXT_MAX] = {
        [TEXT_LOGIN_TITLE] = "login_title",
        [TEXT_LOGIN_INTRO] = "login_intro",
        [TEXT_USER] = "user",
        [TEXT_PASSWORD] = "password",
        [TEXT_SHOW] = "show",
        [TEXT_HIDE] = "hide",
        [TEXT_FORGOT] = "forgot",
        [TEXT_FORGOT_HOW] = "forgot_how",
        [TEXT_FORGOT_INSIDE] = "forgot_inside",
        [TEXT_LOGIN_BUTTON] = "login_button",
        [TEXT_LOGIN_WRONG] = "login_wrong",
        [TEXT_LOGIN_WAIT] = "login_wait",
        [TEXT_LOGIN_BUSY] = "login_busy",
        [TEXT_LOGIN_AGAIN] = "login_again",
        [TEXT_SIGNED_IN_TITLE] = "signed_in_title",
        [TEXT_SIGNED_IN_INTRO] = "signed_in_intro",
        [TEXT_SIGNED_IN_LINK] = "signed_in_link",
        [TEXT_LOGOUT_TITLE] = "logout_title",
        [TEXT_LOGOUT_INTRO] = "logout_intro",
        [TEXT_LOGOUT_BUTTON] = "logout_button",
        [TEXT_LOGOUT_STAY] = "logout_stay",
        [TEXT_LOGGED_OUT_TITLE] = "logged_out_title",
        [TEXT_LOGGED_OUT_INTRO] = "logged_out_intro",
        [TEXT_LOGIN_LINK] = "login_link",
        [TEXT_DENIED_TITLE] = "denied_title",
        [TEXT_DENIED_INTRO] = "denied_intro",
        [TEXT_DENIED_BUTTON] = "denied_button",
        [TEXT_ERROR_TITLE] = "error_title",
        [TEXT_ERROR_INTRO] = "error_intro",
        [TEXT_NOT_FOUND_TITLE] = "not_found_title",
        [TEXT_NOT_FOUND_INTRO] = "not_found_intro",
        [TEXT_HOME_LINK] = "home_link",
        [TEXT_FOOTER] = "footer",
        [TEXT_STATUS_ADDRESSES] = "status_addresses",
        [TEXT_STATUS_HOSTS] = "status_hosts",
        [TEXT_STATUS_CERTIFICATES] = "status_certificates",
        [TEXT_STATUS_DAEMONS] = "status_daemons",
        [TEXT_STATUS_NONE] = "status_none",
        [TEXT_STATUS_NONE_YET] = "status_none_yet",
        [TEXT_STATUS_CONFIRMED] = "status_confirmed",
        [TEXT_STATUS_LEFT] = "status_left",
        [TEXT_STATUS_DAYS] = "status_days",
        [TEXT_STATUS_HOURS] = "status_hours",
        [TEXT_STATUS_MINUTES] = "status_minutes",
        [TEXT_STATUS_MOMENT] = "status_moment",
        [TEXT_STATUS_SILENT] = "status_silent",
        [TEXT_STATUS_SILENT_WHY] = "status_silent_why",
        [TEXT_STATUS_REFUSED] = "status_refused",
        [TEXT_STATUS_RUNNING] = "status_running",
        [TEXT_STATUS_OK] = "status_ok",
        [TEXT_STATUS_FAILING] = "status_failing",
        [TEXT_STATUS_UNKNOWN] = "status_unknown",
        [TEXT_STATUS_VALID] = "status_valid",
        [TEXT_STATUS_WAITING] = "status_waiting",
        [TEXT_STATUS_ORDERING] = "status_ordering",
        [TEXT_STATUS_EXPIRING] = "status_expiring",
        [TEXT_STATUS_EXPIRED] = "status_expired",
        [TEXT_STATUS_FAILED] = "status_failed",
};

static const char *const english[_TEXT_MAX] = {
        [TEXT_LOGIN_TITLE] = "Welcome home",
        [TEXT_LOGIN_INTRO] = "Sign in to open {{host}}.",
        [TEXT_USER] = "User name",
        [TEXT_PASSWORD] = "Password",
        [TEXT_SHOW] = "Show",
        [TEXT_HIDE] = "Hide",
        [TEXT_FORGOT] = "Password forgotten?",
        [TEXT_FORGOT_HOW] = "Nobody can look it up, but whoever looks after this house can give "
                             "you a new one.",
        [TEXT_FORGOT_INSIDE] = "On the gateway: sudo hagw-ctl user passwd NAME.",
        [TEXT_LOGIN_BUTTON] = "Sign in",
        [TEXT_LOGIN_WRONG] = "The user name or the password is not right. Please try again.",
        [TEXT_LOGIN_WAIT] = "Too many tries. Please wait {{seconds}} s before the next one.",
        [TEXT_LOGIN_BUSY] = "Many people are signing in right now. Please try again in a moment.",
        [TEXT_LOGIN_AGAIN] = "This page had grown old. Please enter your password once more.",
        [TEXT_SIGNED_IN_TITLE] = "You are in",
        [TEXT_SIGNED_IN_INTRO] = "Opening {{host}} …",
        [TEXT_SIGNED_IN_LINK] = "Go on",
        [TEXT_LOGOUT_TITLE] = "Sign out?",
        [TEXT_LOGOUT_INTRO] = "You are signed in at {{host}} as {{user}}.",
        [TEXT_LOGOUT_BUTTON] = "Sign out",
        [TEXT_LOGOUT_STAY] = "Stay signed in",
        [TEXT_LOGGED_OUT_TITLE] = "Signed out",
        [TEXT_LOGGED_OUT_INTRO] = "You are not signed in at {{host}} any more.",
        [TEXT_LOGIN_LINK] = "Sign in again",
        [TEXT_DENIED_TITLE] = "Not your door",
        [TEXT_DENIED_INTRO] = "You are signed in as {{user}}, who may not open {{host}}. "
                              "Whoever looks after this house can change that.",
        [TEXT_DENIED_BUTTON] = "Sign in as somebody else",
        [TEXT_ERROR_TITLE] = "That did not work",
        [TEXT_ERROR_INTRO] = "Your browser sent something that this page does not understand.",
        [TEXT_NOT_FOUND_TITLE] = "Nothing here",
        [TEXT_NOT_FOUND_INTRO] = "There is no such page.",
        [TEXT_HOME_LINK] = "Back to {{host}}",
        [TEXT_FOOTER] = "This door is kept by hagw",
        [TEXT_STATUS_ADDRESSES] = "Public addresses",
        [TEXT_STATUS_HOSTS] = "Hosts",
        [TEXT_STATUS_CERTIFICATES] = "Certificates",
        [TEXT_STATUS_DAEMONS] = "Daemons",
        [TEXT_STATUS_NONE] = "none",
        [TEXT_STATUS_NONE_YET] = "none yet",
        [TEXT_STATUS_CONFIRMED] = "confirmed {{span}} ago",
        [TEXT_STATUS_LEFT] = "{{span}} left",
        [TEXT_STATUS_DAYS] = "{{n}} d",
        [TEXT_STATUS_HOURS] = "{{n}} h",
        [TEXT_STATUS_MINUTES] = "{{n}} min",
        [TEXT_STATUS_MOMENT] = "a moment",
        [TEXT_STATUS_SILENT] = "does not answer",
        [TEXT_STATUS_SILENT_WHY] = "systemctl status tells why",
        [TEXT_STATUS_REFUSED] = "configuration refused",
        [TEXT_STATUS_RUNNING] = "running",
        [TEXT_STATUS_OK] = "ok",
        [TEXT_STATUS_FAILING] = "failing",
        [TEXT_STATUS_UNKNOWN] = "not asked yet",
        [TEXT_STATUS_VALID] = "valid",
        [TEXT_STATUS_WAITING] = "waiting",
        [TEXT_STATUS_ORDERING] = "being ordered",
        [TEXT_STATUS_EXPIRING] = "expiring",
        [TEXT_STATUS_EXPIRED] = "expired",
        [TEXT_STATUS_FAILED] = "failed",
};

static const char *const german[_TEXT_MAX] = {
        [TEXT_LOGIN_TITLE] = "Willkommen zu Hause",
        [TEXT_LOGIN_INTRO] = "Melde dich an, um {{host}} zu öffnen.",
        [TEXT_USER] = "Benutzername",
        [TEXT_PASSWORD] = "Passwort",
        [TEXT_SHOW] = "Zeigen",
        [TEXT_HIDE] = "Verbergen",
        [TEXT_FORGOT] = "Passwort vergessen?",
        [TEXT_FORGOT_HOW] = "Nachsehen kann es niemand, aber wer sich um dieses Haus kümmert, kann "
                             "dir ein neues geben.",
        [TEXT_FORGOT_INSIDE] = "Auf dem Gateway: sudo hagw-ctl user passwd NAME.",
        [TEXT_LOGIN_BUTTON] = "Anmelden",
        [TEXT_LOGIN_WRONG] = "Benutzername oder Passwort stimmt nicht. Bitte versuche es noch einmal.",
        [TEXT_LOGIN_WAIT] = "Zu viele Versuche. Bitte warte {{seconds}} s bis zum nächsten.",
        [TEXT_LOGIN_BUSY] = "Gerade melden sich viele an. Bitte versuche es gleich noch einmal.",
        [TEXT_LOGIN_AGAIN] = "Diese Seite war zu alt. Bitte gib dein Passwort noch einmal ein.",
        [TEXT_SIGNED_IN_TITLE] = "Du bist drin",
        [TEXT_SIGNED_IN_INTRO] = "{{host}} wird geöffnet …",
        [TEXT_SIGNED_IN_LINK] = "Weiter",
        [TEXT_LOGOUT_TITLE] = "Abmelden?",
        [TEXT_LOGOUT_INTRO] = "Du bist bei {{host}} als {{user}} angemeldet.",
        [TEXT_LOGOUT_BUTTON] = "Abmelden",
        [TEXT_LOGOUT_STAY] = "Angemeldet bleiben",
        [TEXT_LOGGED_OUT_TITLE] = "Abgemeldet",
        [TEXT_LOGGED_OUT_INTRO] = "Du bist bei {{host}} nicht mehr angemeldet.",
        [TEXT_LOGIN_LINK] = "Wieder anmelden",
        [TEXT_DENIED_TITLE] = "Nicht deine Tür",
        [TEXT_DENIED_INTRO] = "Du bist als {{user}} angemeldet und darfst {{host}} nicht öffnen. "
                              "Wer sich um dieses Haus kümmert, kann das ändern.",
        [TEXT_DENIED_BUTTON] = "Als jemand anderes anmelden",
        [TEXT_ERROR_TITLE] = "Das hat nicht geklappt",
        [TEXT_ERROR_INTRO] = "Dein Browser hat etwas geschickt, das diese Seite nicht versteht.",
        [TEXT_NOT_FOUND_TITLE] = "Hier ist nichts",
        [TEXT_NOT_FOUND_INTRO] = "Diese Seite gibt es nicht.",
        [TEXT_HOME_LINK] = "Zurück zu {{host}}",
        [TEXT_FOOTER] = "Diese Tür hütet hagw",
        [TEXT_STATUS_ADDRESSES] = "Öffentliche Adressen",
        [TEXT_STATUS_HOSTS] = "Namen",
        [TEXT_STATUS_CERTIFICATES] = "Zertifikate",
        [TEXT_STATUS_DAEMONS] = "Dienste",
        [TEXT_STATUS_NONE] = "keine",
        [TEXT_STATUS_NONE_YET] = "noch keine",
        [TEXT_STATUS_CONFIRMED] = "vor {{span}} bestätigt",
        [TEXT_STATUS_LEFT] = "noch {{span}}",
        [TEXT_STATUS_DAYS] = "{{n}} d",
        [TEXT_STATUS_HOURS] = "{{n}} h",
        [TEXT_STATUS_MINUTES] = "{{n}} min",
        [TEXT_STATUS_MOMENT] = "einem Augenblick",
        [TEXT_STATUS_SILENT] = "antwortet nicht",
        [TEXT_STATUS_SILENT_WHY] = "systemctl status sagt, warum",
        [TEXT_STATUS_REFUSED] = "Konfiguration abgelehnt",
        [TEXT_STATUS_RUNNING] = "läuft",
        [TEXT_STATUS_OK] = "in Ordnung",
        [TEXT_STATUS_FAILING] = "gestört",
        [TEXT_STATUS_UNKNOWN] = "noch nicht gefragt",
        [TEXT_STATUS_VALID] = "gültig",
        [TEXT_STATUS_WAITING] = "wartet",
        [TEXT_STATUS_ORDERING] = "wird bestellt",
        [TEXT_STATUS_EXPIRING] = "läuft ab",
        [TEXT_STATUS_EXPIRED] = "abgelaufen",
        [TEXT_STATUS_FAILED] = "fehlgeschlagen",
};

static const char *const french[_TEXT_MAX] = {
        [TEXT_LOGIN_TITLE] = "Bienvenue chez vous",
        [TEXT_LOGIN_INTRO] = "Connectez-vous pour ouvrir {{host}}.",
        [TEXT_USER] = "Nom d’utilisateur",
        [TEXT_PASSWORD] = "Mot de passe",
        [TEXT_SHOW] = "Afficher",
        [TEXT_HIDE] = "Masquer",
        [TEXT_FORGOT] = "Mot de passe oublié ?",
        [TEXT_FORGOT_HOW] = "Personne ne peut le retrouver, mais la personne qui s’occupe de cette "
                             "maison peut vous en donner un nouveau.",
        [TEXT_FORGOT_INSIDE] = "Sur la passerelle : sudo hagw-ctl user passwd NAME.",
        [TEXT_LOGIN_BUTTON] = "Se connecter",
        [TEXT_LOGIN_WRONG] = "Le nom d’utilisateur ou le mot de passe est incorrect. Veuillez réessayer.",
        [TEXT_LOGIN_WAIT] = "Trop d’essais. Veuillez attendre {{seconds}} s avant le prochain.",
        [TEXT_LOGIN_BUSY] = "Beaucoup de connexions en ce moment. Veuillez réessayer dans un instant.",
        [TEXT_LOGIN_AGAIN] = "Cette page avait expiré. Veuillez saisir à nouveau votre mot de passe.",
        [TEXT_SIGNED_IN_TITLE] = "Vous êtes entré",
        [TEXT_SIGNED_IN_INTRO] = "Ouverture de {{host}} …",
        [TEXT_SIGNED_IN_LINK] = "Continuer",
        [TEXT_LOGOUT_TITLE] = "Se déconnecter ?",
        [TEXT_LOGOUT_INTRO] = "Vous êtes connecté à {{host}} en tant que {{user}}.",
        [TEXT_LOGOUT_BUTTON] = "Se déconnecter",
        [TEXT_LOGOUT_STAY] = "Rester connecté",
        [TEXT_LOGGED_OUT_TITLE] = "Déconnecté",
        [TEXT_LOGGED_OUT_INTRO] = "Vous n’êtes plus connecté à {{host}}.",
        [TEXT_LOGIN_LINK] = "Se reconnecter",
        [TEXT_DENIED_TITLE] = "Pas votre porte",
        [TEXT_DENIED_INTRO] = "Vous êtes connecté en tant que {{user}}, qui ne peut pas ouvrir {{host}}. "
                              "La personne qui s’occupe de cette maison peut changer cela.",
        [TEXT_DENIED_BUTTON] = "Se connecter sous un autre nom",
        [TEXT_ERROR_TITLE] = "Cela n’a pas marché",
        [TEXT_ERROR_INTRO] = "Votre navigateur a envoyé quelque chose que cette page ne comprend pas.",
        [TEXT_NOT_FOUND_TITLE] = "Il n’y a rien ici",
        [TEXT_NOT_FOUND_INTRO] = "Cette page n’existe pas.",
        [TEXT_HOME_LINK] = "Retour à {{host}}",
        [TEXT_FOOTER] = "Cette porte est gardée par hagw",
        [TEXT_STATUS_ADDRESSES] = "Adresses publiques",
        [TEXT_STATUS_HOSTS] = "Hôtes",
        [TEXT_STATUS_CERTIFICATES] = "Certificats",
        [TEXT_STATUS_DAEMONS] = "Services",
        [TEXT_STATUS_NONE] = "aucun",
        [TEXT_STATUS_NONE_YET] = "pas encore",
        [TEXT_STATUS_CONFIRMED] = "confirmé il y a {{span}}",
        [TEXT_STATUS_LEFT] = "encore {{span}}",
        [TEXT_STATUS_DAYS] = "{{n}} j",
        [TEXT_STATUS_HOURS] = "{{n}} h",
        [TEXT_STATUS_MINUTES] = "{{n}} min",
        [TEXT_STATUS_MOMENT] = "un instant",
        [TEXT_STATUS_SILENT] = "ne répond pas",
        [TEXT_STATUS_SILENT_WHY] = "systemctl status dit pourquoi",
        [TEXT_STATUS_REFUSED] = "configuration refusée",
        [TEXT_STATUS_RUNNING] = "en marche",
        [TEXT_STATUS_OK] = "en ordre",
        [TEXT_STATUS_FAILING] = "en panne",
        [TEXT_STATUS_UNKNOWN] = "pas encore interrogé",
        [TEXT_STATUS_VALID] = "valable",
        [TEXT_STATUS_WAITING] = "en attente",
        [TEXT_STATUS_ORDERING] = "en commande",
        [TEXT_STATUS_EXPIRING] = "expire bientôt",
        [TEXT_STATUS_EXPIRED] = "expiré",
        [TEXT_STATUS_FAILED] = "échoué",
};

const Language languages[] = {
        { "en", english },
        { "de", german },
        { "fr", french },
        {},
};

const char *text_name(Text t) {
        return t >= 0 && t < _TEXT_MAX ? names[t] : NULL;
}

Text text_from_name(const char *name, size_t size) {
        for (Text t = 0; t < _TEXT_MAX; t++)
                if (strlen(names[t]) == size && memcmp(names[t], name, size) == 0)
                        return t;
        return _TEXT_INVALID;
}

/* The language of a range such as "de-AT", by its first subtag. */
static const Language *find(const char *range, size_t size) {
        size_t n = 0;

        while (n < size && range[n] != '-')
                n++;
        for (const Language *l = languages; l->code; l++)
                if (strlen(l->code) == n && strncasecmp(l->code, range, n) == 0)
                        return l;
        return NULL;
}

/* "0.8" in thousandths; what is no weight counts as 0. */
static unsigned weight_parse(const char *s, size_t size) {
        unsigned w = 0, scale = 1000;

        for (size_t i = 0; i < size && i < 5; i++) {
                if (i == 1 && s[i] == '.')
                        continue;
                if (s[i] < '0' || s[i] > '9' || (i == 0 && s[i] > '1'))
                        return 0;
                w += (unsigned) (s[i] - '0') * scale;
                scale /= 10;
        }
        return MIN(w, 1000U);
}

/* One element, "de-AT;q=0.8". */
static unsigned element_weight(const char *s, size_t size, size_t *ret_range) {
        const char *semicolon = memchr(s, ';', size);
        const char *end = s + size, *q;

        *ret_range = semicolon ? (size_t) (semicolon - s) : size;
        while (*ret_range > 0 && s[*ret_range - 1] == ' ')
                (*ret_range)--;
        if (!semicolon)
                return 1000;
        q = semicolon + 1;
        while (q < end && *q == ' ')
                q++;
        if (end - q < 3 || (q[0] != 'q' && q[0] != 'Q') || q[1] != '=')
                return 1000;
        return weight_parse(q + 2, (size_t) (end - q - 2));
}

static const Language *best(const char *accept) {
        const char *end = accept + strnlen(accept, ACCEPT_MAX);
        const Language *found = NULL;
        unsigned found_weight = 0;

        while (accept < end) {
                size_t size, range;
                unsigned weight;
                const Language *l;

                accept += strspn(accept, " ,\t");
                if (accept >= end)
                        break;
                size = MIN(strcspn(accept, ","), (size_t) (end - accept));
                weight = element_weight(accept, size, &range);
                l = find(accept, range);
                if (l && weight > found_weight) {
                        found = l;
                        found_weight = weight;
                }
                accept += size;
        }
        return found;
}

const Language *language_choose(const char *setting, const char *accept) {
        const Language *l;

        if (!streq(setting, "auto"))
                l = find(setting, strlen(setting));
        else
                l = accept ? best(accept) : NULL;
        return l ?: languages;
}
