/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* French: politely, with the apostrophe of print. Pure. */

#include "libhagw/pure/lang-texts.h"

const char *const lang_fr[_TEXT_MAX] = {
        [TEXT_LOGIN_TITLE] = "Bienvenue chez vous",
        [TEXT_LOGIN_INTRO] = "Connectez-vous pour ouvrir {{host}}.",
        [TEXT_WALL_RELAY] = "Ceci est la connexion du relais. "
                                "Celle de la maison vient ensuite.",
        [TEXT_WALL_FRONT] = "Ceci est la connexion du relais. "
                                "Celle de la maison vient peut-être ensuite.",
        [TEXT_WALL_HOUSE] = "La connexion du relais est faite. "
                                "Voici celle de la maison, avec ses propres utilisateurs et mots de passe.",
        [TEXT_WALL_FIRST] = "Ceci est la connexion de la première des deux passerelles. "
                                "Celle de la seconde vient ensuite.",
        [TEXT_WALL_SECOND] = "La connexion de la première passerelle est faite. "
                                 "Voici celle de la seconde, avec ses propres utilisateurs et "
                             "mots de passe.",
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
        [TEXT_TROUBLE_BAD_REQUEST] = "Votre navigateur a envoyé quelque chose que l’on ne peut pas "
                                     "comprendre, ou de plusieurs façons.",
        [TEXT_TROUBLE_LOGIN_TITLE] = "Veuillez d’abord vous connecter",
        [TEXT_TROUBLE_LOGIN] = "Personne n’est connecté à {{host}} dans ce navigateur.",
        [TEXT_TROUBLE_FORM_TITLE] = "Vous n’êtes plus connecté",
        [TEXT_TROUBLE_FORM] = "Votre envoi n’est pas perdu : connectez-vous dans un nouvel onglet, "
                              "revenez ici et actualisez cette page. Votre navigateur demande alors s’il "
                              "peut l’envoyer encore une fois.",
        [TEXT_TROUBLE_FORM_LINK] = "Se connecter dans un nouvel onglet",
        [TEXT_TROUBLE_FOREIGN_TITLE] = "Demandé par un autre site",
        [TEXT_TROUBLE_FOREIGN] = "Une page d’un autre site l’a demandé, et votre connexion ici n’est pas "
                                 "pour elle. Ouvrez {{host}} directement.",
        [TEXT_TROUBLE_FOREIGN_HINT] = "Un site qui peut afficher cet hôte est nommé par embedded_by, voir "
                                      "hagw.conf(5).",
        [TEXT_TROUBLE_FORBIDDEN] = "Vous êtes connecté, mais votre compte ne peut pas ouvrir {{host}}. La "
                                   "personne qui s’occupe de cette maison peut changer cela.",
        [TEXT_TROUBLE_METHOD] = "Ce genre de requête n’est pas servi ici.",
        [TEXT_TROUBLE_TIMEOUT_TITLE] = "Cela a duré trop longtemps",
        [TEXT_TROUBLE_TIMEOUT] = "La requête a mis trop de temps à arriver. Veuillez réessayer.",
        [TEXT_TROUBLE_TOO_LONG_TITLE] = "L’adresse est trop longue",
        [TEXT_TROUBLE_TOO_LONG] = "Les adresses de cette longueur ne sont pas servies ici.",
        [TEXT_TROUBLE_EXPECTATION] = "La requête attend quelque chose que cette passerelle ne connaît pas.",
        [TEXT_TROUBLE_MISDIRECTED_TITLE] = "La mauvaise porte",
        [TEXT_TROUBLE_MISDIRECTED] = "Votre navigateur a utilisé une connexion faite pour un autre nom. "
                                     "Un nouvel essai en ouvre une autre.",
        [TEXT_TROUBLE_TOO_LARGE_TITLE] = "Trop de bagages",
        [TEXT_TROUBLE_TOO_LARGE] = "Ce que votre navigateur joint à chaque requête est trop volumineux. "
                                   "Supprimer les cookies de ce site aide.",
        [TEXT_TROUBLE_GATEWAY_TITLE] = "Aucune réponse de l’intérieur",
        [TEXT_TROUBLE_GATEWAY] = "Le service derrière {{host}} ne répond pas comme il faut. Peut-être "
                                 "est-il en train de redémarrer.",
        [TEXT_TROUBLE_GATEWAY_HINT] = "Si cela dure, vérifiez que le service tourne et que son adresse et "
                                      "son port sont justes : hagw-ctl status montre les deux.",
        [TEXT_TROUBLE_OFFLINE_TITLE] = "Personne n’ouvre",
        [TEXT_TROUBLE_OFFLINE] = "La maison que vous voulez visiter est hors ligne : elle n’est pas "
                                 "reliée à ce relais en ce moment.",
        [TEXT_TROUBLE_SUSPENDED] = "L’accès à la maison que vous voulez visiter est suspendu. Seul "
                                   "l’exploitant de ce relais peut le rouvrir.",
        [TEXT_TROUBLE_EXHAUSTED] = "Ce que la maison que vous voulez visiter peut envoyer et recevoir "
                                   "en un mois par ce relais est épuisé. Elle rouvrira au début du "
                                   "mois prochain, ou lorsque l’exploitant du relais en permettra "
                                   "davantage.",
        [TEXT_TROUBLE_CROWDED] = "La maison que vous voulez visiter a autant de visiteurs qu’elle "
                                 "peut en recevoir à la fois par ce relais.",
        [TEXT_TROUBLE_NO_HOST] = "La maison que vous voulez visiter est là, mais ne connaît pas le "
                                 "nom {{host}}. Seuls ses habitants peuvent le changer.",
        [TEXT_TROUBLE_REFUSES] = "La maison que vous voulez visiter est là, mais n’accepte pas les "
                                 "visiteurs dont ce relais a ouvert les connexions. Seuls ses "
                                 "habitants peuvent le changer.",
        [TEXT_TROUBLE_BUSY_TITLE] = "Un instant, s’il vous plaît",
        [TEXT_TROUBLE_BUSY] = "La passerelle est occupée, ou pas encore prête.",
        [TEXT_TROUBLE_BUSY_HINT] = "Si cela dure, hagw-ctl status dit pourquoi.",
        [TEXT_TROUBLE_LATE] = "Le service derrière {{host}} a mis trop de temps à répondre.",
        [TEXT_TROUBLE_LATE_HINT] = "Si cela dure, vérifiez que le service tourne et n’est pas surchargé ; "
                                   "hagw-ctl status montre comment il répond.",
        [TEXT_TROUBLE_VERSION] = "Seul HTTP/1.1 est servi ici.",
        [TEXT_TROUBLE_SERVICE] = "Service",
        [TEXT_TROUBLE_ERROR] = "Ce qui a échoué",
        [TEXT_TROUBLE_WAITS] = "Cette page réessaie d’elle-même.",
        [TEXT_TROUBLE_NOW] = "Essayer maintenant",
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
        [TEXT_STATUS_KEYLESS] = "sans clé",
        [TEXT_STATUS_FAILED] = "échoué",
};
