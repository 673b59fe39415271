/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The templates of hagw-webd/pages/, as strings; page.h says how they are filled in, and has those that
 * programs share. "script" is what the login page can do where scripts may run. */

extern const char page_heading[], page_login[], page_logout[], page_message[], page_row[], page_script[],
        page_status[];
