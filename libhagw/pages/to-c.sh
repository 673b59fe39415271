#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Templates become C strings: to-c.sh HEADER FILE… writes page_NAME for each NAME.html, .css or .js.
echo '/* SPDX-License-Identifier: LGPL-2.1-or-later */'
echo "#include \"$1\""
shift
for file; do
        name=${file##*/}
        echo "const char page_${name%%.*}[] ="
        sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$/\\n"/' "$file" || exit
        echo ';'
done
