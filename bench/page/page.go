// Package page draws the result of a run as one self-contained page.
package page
