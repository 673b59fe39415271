// SPDX-License-Identifier: LGPL-2.1-or-later

// Package tools names the program whose version go.mod pins.
package tools

import _ "github.com/summerwind/h2spec/cmd/h2spec"
